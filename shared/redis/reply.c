#include "shared/redis/reply.h"

struct error_row {
    const char *word;
    enum status status;
    bool condemns;
    bool lasts; /* until an operator does something */
};

/* First words of Redis' error replies (src/server.c, createSharedObjects; src/blocked.c for UNBLOCKED). */
static const struct error_row error_rows[] = {
    {"OOM", STATUS_NO_MEMORY, false},
    {"NOSCRIPT", STATUS_NO_SCRIPT, false},
    {"NOGROUP", STATUS_NO_GROUP, false},
    {"WRONGTYPE", STATUS_WRONG_TYPE, false},
    {"READONLY", STATUS_UNAVAILABLE, true},
    {"LOADING", STATUS_UNAVAILABLE, true},
    {"MASTERDOWN", STATUS_UNAVAILABLE, true},
    {"MOVED", STATUS_UNAVAILABLE, true},
    {"ASK", STATUS_UNAVAILABLE, true},
    {"CLUSTERDOWN", STATUS_UNAVAILABLE, true},
    {"TRYAGAIN", STATUS_UNAVAILABLE, false},
    {"BUSY", STATUS_UNAVAILABLE, false},
    {"NOREPLICAS", STATUS_UNAVAILABLE, false},
    {"MISCONF", STATUS_UNAVAILABLE, false},
    {"UNBLOCKED", STATUS_NO_GROUP, false},
    {"NOAUTH", STATUS_UNAVAILABLE, true, true},
    {"WRONGPASS", STATUS_UNAVAILABLE, true, true},
    {"NOPERM", STATUS_UNAVAILABLE, true, true},
    {"BUSYGROUP", STATUS_CONFLICT, false},
};

static const struct error_row *find_error(const redisReply *reply) {
    struct text line = {reply->str, reply->len};
    const char *blank = memchr(line.at, ' ', line.len);
    struct text word = {line.at, blank == NULL ? line.len : (size_t)(blank - line.at)};
    for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++)
        if (text_is(word, error_rows[i].word))
            return &error_rows[i];
    return NULL;
}

enum status reply_status(const redisReply *reply) {
    if (reply == NULL)
        return STATUS_UNAVAILABLE;
    if (reply->type != REDIS_REPLY_ERROR)
        return STATUS_OK;
    const struct error_row *row = find_error(reply);
    return row == NULL ? STATUS_INTERNAL : row->status;
}

bool reply_condemns_link(const redisReply *reply) {
    if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
        return false;
    const struct error_row *row = find_error(reply);
    return row != NULL && row->condemns;
}

bool reply_is_lasting(const redisReply *reply) {
    const struct error_row *row =
        reply == NULL || reply->type != REDIS_REPLY_ERROR ? NULL : find_error(reply);
    return row != NULL && row->lasts;
}

struct text reply_text(const redisReply *reply) {
    if (reply == NULL || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS &&
                          reply->type != REDIS_REPLY_ERROR))
        return TEXT_NONE;
    return (struct text){reply->str, reply->len};
}

struct text reply_shown(const redisReply *reply) {
    static const char mark[] = ", with args beginning with"; /* src/server.c, rejectCommandFormat */
    struct text text = reply_text(reply);
    const char *arguments = text.len == 0 ? NULL : memmem(text.at, text.len, mark, sizeof(mark) - 1);
    return arguments == NULL ? text : (struct text){text.at, (size_t)(arguments - text.at)};
}

bool reply_is_array(const redisReply *reply, size_t at_least) {
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements >= at_least;
}

long long reply_integer(const redisReply *reply, long long otherwise) {
    return reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : otherwise;
}

const redisReply *reply_field(const redisReply *pairs, const char *name) {
    if (!reply_is_array(pairs, 2))
        return NULL;
    for (size_t i = 0; i + 1 < pairs->elements; i += 2)
        if (text_is(reply_text(pairs->element[i]), name))
            return pairs->element[i + 1];
    return NULL;
}

/* The commands of the fleet's pipeline, over recorded threats under new ids: what
 * api/threats/enqueue_signal.lua and worker/results/commit_analysis.lua take, byte for byte. Each function
 * leaves one command in `command`. */
#ifndef SOC_BENCH_REPLAY_H
#define SOC_BENCH_REPLAY_H

#include <hiredis/hiredis.h>

#include "shared/redis/keys.h"
#include "tests/bench/recorded_threat.h"
#include "tests/bench/resp.h"

enum { REPLAY_SHA_ROOM = 41, REPLAY_ENQUEUE_WIDTH = 6, REPLAY_COMMIT_HEAD = 5, REPLAY_COMMIT_WIDTH = 8 };

struct replay {
    struct recording recording;
    struct keyspace keys;
    struct uuid_source ids;
    struct buffer command, text;
    char (*id_of)[UUID_LENGTH]; /* by the threat's number */
    char enqueue_sha[REPLAY_SHA_ROOM], commit_sha[REPLAY_SHA_ROOM];
};

/* The recording and the scripts' names are set before. */
static inline void replay_init(struct replay *replay, long count) {
    keyspace_init(&replay->keys, "");
    uuid_source_init(&replay->ids);
    replay->id_of = calloc((size_t)count, sizeof(*replay->id_of));
    if (replay->id_of == NULL)
        abort();
}

static inline void replay_begin(struct replay *replay, unsigned arguments, const char *verb) {
    buffer_clear(&replay->command);
    resp_begin(&replay->command, arguments);
    resp_string(&replay->command, verb);
}

static inline void replay_add_fixed(struct replay *replay, enum fixed_key key) {
    resp_string(&replay->command, keyspace_fixed(&replay->keys, key));
}

static inline const struct recorded_threat *replay_threat(const struct replay *replay, long number) {
    return &replay->recording.threats[(size_t)number % replay->recording.count];
}

static inline struct text replay_id(const struct replay *replay, long number) {
    return (struct text){replay->id_of[number], UUID_LENGTH};
}

static inline void replay_add_recorded(struct replay *replay, long number, struct text recorded) {
    buffer_clear(&replay->text);
    recorded_threat_write(&replay->text, replay_threat(replay, number), recorded, replay->id_of[number]);
    resp_text(&replay->command, buffer_text(&replay->text));
}

static inline void replay_add_threat_key(struct replay *replay, struct text id) {
    buffer_clear(&replay->text);
    buffer_append_string(&replay->text, "threat:");
    buffer_append_text(&replay->text, id);
    resp_text(&replay->command, buffer_text(&replay->text));
}

static inline void replay_add_signal(struct replay *replay, long number, int64_t now_ms) {
    const struct recorded_threat *threat = replay_threat(replay, number);
    resp_text(&replay->command, replay_id(replay, number));
    resp_text(&replay->command, threat->signal);
    resp_signed(&replay->command, now_ms);
    resp_string(&replay->command, ""); /* traceparent */
    resp_text(&replay->command, threat->created_row);
    resp_string(&replay->command, ""); /* idempotency key */
}

static inline void replay_enqueue(struct replay *replay, long first, long count) {
    int64_t now_ms = clock_wall_ms();
    replay_begin(replay, (unsigned)(5 + count + REPLAY_ENQUEUE_WIDTH * count), "EVALSHA");
    resp_string(&replay->command, replay->enqueue_sha);
    resp_signed(&replay->command, 2 + count);
    replay_add_fixed(replay, KEY_STREAM);
    replay_add_fixed(replay, KEY_LOG);
    for (long i = first; i < first + count; i++) {
        struct uuid id = uuid_next(&replay->ids, now_ms);
        uuid_write(&id, replay->id_of[i]);
        replay_add_threat_key(replay, replay_id(replay, i));
    }
    for (long i = first; i < first + count; i++)
        replay_add_signal(replay, i, now_ms);
}

static inline unsigned replay_history_keys(const struct replay *replay, long first, size_t count) {
    unsigned keys = 0;
    for (size_t i = 0; i < count; i++)
        keys += replay_threat(replay, first + (long)i)->history_count;
    return keys;
}

static inline void replay_add_history_keys(struct replay *replay, long number) {
    const struct recorded_threat *threat = replay_threat(replay, number);
    for (unsigned key = 0; key < threat->history_count; key++)
        resp_text(&replay->command, threat->history_keys[key]);
}

static inline void replay_histories(struct replay *replay, long first, size_t count) {
    replay_begin(replay, 1 + replay_history_keys(replay, first, count), "MGET");
    for (size_t i = 0; i < count; i++)
        replay_add_history_keys(replay, first + (long)i);
}

static inline void replay_add_analysis(struct replay *replay, long number, const redisReply *entry) {
    const struct recorded_threat *threat = replay_threat(replay, number);
    struct text row = threat->completed_row;
    const char *blank = memchr(row.at, ' ', row.len); /* the row begins with the time of creation */
    resp_text(&replay->command, (struct text){entry->element[0]->str, entry->element[0]->len});
    resp_string(&replay->command, "1"); /* deliveries */
    resp_text(&replay->command, replay_id(replay, number));
    resp_text(&replay->command, (struct text){row.at, (size_t)(blank - row.at)});
    replay_add_recorded(replay, number, threat->body);
    resp_text(&replay->command, row);
    replay_add_recorded(replay, number, threat->history_case);
    resp_signed(&replay->command, threat->history_count);
}

static inline void replay_add_commit_keys(struct replay *replay, long first, size_t count) {
    replay_add_fixed(replay, KEY_STREAM);
    replay_add_fixed(replay, KEY_LOG);
    replay_add_fixed(replay, KEY_BY_CREATED);
    replay_add_fixed(replay, KEY_COMPLETED);
    for (size_t i = 0; i < count; i++) {
        replay_add_threat_key(replay, replay_id(replay, first + (long)i));
        replay_add_history_keys(replay, first + (long)i);
    }
}

/* `entries` as XREADGROUP gave them to `consumer`, one for each threat from `first` on. */
static inline void replay_commit(struct replay *replay, const char *consumer, long first,
                                 const redisReply *entries) {
    size_t count = entries->elements;
    unsigned keys = 4 + (unsigned)count + replay_history_keys(replay, first, count);
    replay_begin(replay, 3 + keys + REPLAY_COMMIT_HEAD + REPLAY_COMMIT_WIDTH * (unsigned)count, "EVALSHA");
    resp_string(&replay->command, replay->commit_sha);
    resp_signed(&replay->command, keys);
    replay_add_commit_keys(replay, first, count);
    resp_string(&replay->command, CONSUMER_GROUP);
    resp_string(&replay->command, consumer);
    replay_add_fixed(replay, KEY_EVENTS);
    resp_string(&replay->command, entries->element[0]->element[0]->str);
    resp_string(&replay->command, entries->element[count - 1]->element[0]->str);
    for (size_t i = 0; i < count; i++)
        replay_add_analysis(replay, first + (long)i, entries->element[i]);
}

#endif

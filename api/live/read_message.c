#include "api/live/read_message.h"

#include <jansson.h>
#include <stdlib.h>

#include "shared/base/buffer.h"

enum filter_kind { FILTER_WORDS, FILTER_TEXT, FILTER_BOOLEAN };

struct filter_row {
    const char *name;
    enum filter_kind kind;
};

static const struct filter_row filter_rows[] = {
    {"severity", FILTER_WORDS},   {"threat_type", FILTER_WORDS},       {"status", FILTER_WORDS},
    {"customer_id", FILTER_TEXT}, {"requires_review", FILTER_BOOLEAN}, {"search", FILTER_TEXT},
};

static const char *const filter_kind_words[] = {"must be a list of strings", "must be a string",
                                                "must be true or false"};

/* `["high","critical"]` → `high,critical`, as a URL would have it. */
static bool join_words(const json_t *value, struct buffer *out) {
    size_t i;
    json_t *word;
    json_array_foreach(value, i, word) {
        if (!json_is_string(word))
            return false;
        if (i > 0)
            buffer_append_char(out, ',');
        buffer_append(out, json_string_value(word), json_string_length(word));
    }
    return json_is_array(value);
}

/* The member's value as a URL would have it; false when it is of another kind. */
static bool filter_text(const struct filter_row *row, const json_t *value, struct buffer *out) {
    if (row->kind == FILTER_WORDS)
        return join_words(value, out);
    if (row->kind == FILTER_TEXT && json_is_string(value)) {
        buffer_append(out, json_string_value(value), json_string_length(value));
        return true;
    }
    if (row->kind == FILTER_BOOLEAN && json_is_boolean(value)) {
        buffer_append_string(out, json_is_true(value) ? "true" : "false");
        return true;
    }
    return false;
}

static const struct filter_row *find_filter(const char *name) {
    for (size_t i = 0; i < sizeof(filter_rows) / sizeof(filter_rows[0]); i++)
        if (strcmp(name, filter_rows[i].name) == 0)
            return &filter_rows[i];
    return NULL;
}

static void read_filter(const json_t *object, struct arena *arena, struct query *filter,
                        struct faults *faults) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        struct text name_text = text_of(name);
        struct buffer words = BUFFER_EMPTY;
        const struct filter_row *row = find_filter(name);
        if (strcmp(name, "type") == 0)
            continue;
        if (row == NULL)
            faults_add(faults, &name_text, "is not a member of a subscription");
        else if (!filter_text(row, value, &words))
            faults_add(faults, &name_text, "%s", filter_kind_words[row->kind]);
        else if (row->kind != FILTER_WORDS || words.len > 0) /* an empty list filters nothing */
            query_set(filter, name_text, arena_copy(arena, buffer_text(&words)), faults);
        buffer_fini(&words);
    }
}

/* Each returns what is wrong; at == NULL: nothing. */
static struct text read_ping(json_t *object, struct arena *arena, struct live_message *message) {
    (void)object, (void)arena, (void)message;
    return TEXT_NONE;
}

static struct text read_subscribe(json_t *object, struct arena *arena, struct live_message *message) {
    struct faults faults;
    faults_init(&faults, arena);
    query_init(&message->filter);
    read_filter(object, arena, &message->filter, &faults);
    if (faults.count > 0) {
        const struct fault *fault = &faults.rows[0];
        return arena_printf(arena, "%.*s %.*s", (int)fault->pointer.len, fault->pointer.at,
                            (int)fault->detail.len, fault->detail.at);
    }
    message->filtered = json_object_size(object) > 1;
    json_object_del(object, "type");
    char *shown = json_dumps(object, JSON_COMPACT);
    message->shown = arena_copy(arena, text_of(shown == NULL ? "{}" : shown));
    free(shown);
    return TEXT_NONE;
}

static struct text read_resume(json_t *object, struct arena *arena, struct live_message *message) {
    (void)arena;
    struct text last_id = text_of(json_string_value(json_object_get(object, "last_id")));
    return stream_id_parse(last_id, &message->last)
               ? TEXT_NONE
               : TEXT_LITERAL("resume needs last_id, the id of an event");
}

struct message_row {
    const char *type;
    struct text (*read)(json_t *object, struct arena *arena, struct live_message *message);
};

static const struct message_row message_rows[] = {
    [MESSAGE_PING] = {"ping", read_ping},
    [MESSAGE_SUBSCRIBE] = {"subscribe", read_subscribe},
    [MESSAGE_RESUME] = {"resume", read_resume},
};

static struct text read_object(json_t *object, struct arena *arena, struct live_message *message) {
    const char *type = json_string_value(json_object_get(object, "type"));
    if (type == NULL)
        return TEXT_LITERAL("a message needs a string type");
    for (size_t i = 0; i < sizeof(message_rows) / sizeof(message_rows[0]); i++)
        if (strcmp(type, message_rows[i].type) == 0) {
            message->kind = (enum live_message_kind)i;
            return message_rows[i].read(object, arena, message);
        }
    return TEXT_LITERAL("this type of message is not known");
}

bool read_message(struct text text, struct arena *arena, struct live_message *message,
                  struct text *complaint) {
    json_t *object = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    *complaint = json_is_object(object) ? read_object(object, arena, message)
                                        : TEXT_LITERAL("a message is one JSON object");
    json_decref(object);
    return complaint->at == NULL;
}

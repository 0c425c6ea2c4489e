#include "shared/explain/explain_analysis.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/analyzers/run_analyzers.h"
#include "shared/base/rfc3339.h"
#include "shared/explain/facts_read.h"
#include "shared/explain/json_member.h"
#include "shared/model/stored_body.h"

enum { INDEX_DIGITS_MAX = 24 };

static const int64_t NO_DEADLINE_MS = INT64_MAX / MEASURED_STEPS_PER_MS;

/* --- what the body carries --- */

struct carried {
    struct uuid id;
    struct signal signal;
    struct facts facts;
    struct measured measured;
    int64_t created_at_ms;
};

static void read_steps(struct taker *taker, const json_t *measured, int64_t *station) {
    const json_t *steps = take_array(taker, measured, "steps", STATION_COUNT);
    int64_t sum = 0;
    if (steps == NULL || json_array_size(steps) != STATION_COUNT) {
        taker_fault(taker, "measured/steps", "not one for each station");
        return;
    }
    for (size_t i = 0; i < STATION_COUNT; i++) {
        const json_t *step = json_array_get(steps, i);
        int64_t value = json_integer_value(step);
        if (!json_is_integer(step) || value < 0 || value > NO_DEADLINE_MS - sum) {
            taker_fault(taker, "measured/steps", "no whole number, or out of bounds");
            return;
        }
        station[i] = sum += value;
    }
}

static void read_measured(struct taker *taker, const json_t *object, struct measured *measured) {
    *measured = (struct measured){.agent_deadline_ms = NO_DEADLINE_MS};
    take_integer(taker, object, "queue_wait_ms", 0, NO_DEADLINE_MS, &measured->queue_wait_ms);
    take_integer(taker, object, "agent_deadline_ms", 0, NO_DEADLINE_MS, &measured->agent_deadline_ms);
    read_steps(taker, object, measured->station);
}

/* Parsed with jansson are only our own parts: a signal's raw_data may hold numbers that fit nowhere. */
static json_t *parse_part(struct taker *taker, struct text part, const char *name) {
    json_error_t error;
    json_t *tree = part.at == NULL ? NULL : json_loadb(part.at, part.len, JSON_REJECT_DUPLICATES, &error);
    if (tree == NULL)
        taker_fault(taker, name, "missing, or no JSON");
    return tree;
}

static void read_signal(struct taker *taker, struct text json, struct signal *signal) {
    struct faults faults;
    faults_init(&faults, taker->arena);
    if (json.at == NULL || signal_read_stored(json, taker->arena, signal, &faults) != STATUS_OK)
        taker_fault(taker, "signal", "missing, or invalid");
}

static void read_head(struct taker *taker, const struct stored_body *parts, struct carried *carried) {
    struct text id = stored_body_text(parts->id), created_at = stored_body_text(parts->created_at);
    if (!uuid_parse(id, &carried->id))
        taker_fault(taker, "id", "no UUID");
    if (!rfc3339_parse(created_at, &carried->created_at_ms) || carried->created_at_ms < 0)
        taker_fault(taker, "created_at", "no RFC 3339 time");
}

static bool read_carried(const struct stored_body *parts, struct taker *taker, struct carried *carried) {
    const char *why = NULL;
    json_t *facts = parse_part(taker, parts->facts, "facts");
    json_t *measured = parse_part(taker, parts->measured, "measured");
    *carried = (struct carried){.created_at_ms = -1};
    read_head(taker, parts, carried);
    read_signal(taker, parts->signal, &carried->signal);
    read_measured(taker, measured, &carried->measured);
    if (facts != NULL && !facts_read_tree(facts, taker->arena, &carried->facts, &why))
        taker_fault(taker, "facts", why);
    json_decref(facts);
    json_decref(measured);
    return taker->why == NULL;
}

/* --- the same way again --- */

/* A stopwatch that shows what was measured, station by station. */
struct replay {
    const struct measured *measured;
    int next;
};

static int64_t replay_ns(void *arg) {
    struct replay *replay = arg;
    return replay->measured->station[replay->next++] * (1000000 / MEASURED_STEPS_PER_MS);
}

static void repeat(const struct carried *carried, struct arena *arena, struct buffer *body) {
    static struct analysis analysis; /* large; one thread, done before this returns */
    struct replay replay = {&carried->measured, 0};
    struct run_clock clock = {replay_ns, &replay, 0};
    analysis = (struct analysis){.id = carried->id,
                                 .signal = &carried->signal,
                                 .facts = &carried->facts,
                                 .created_at_ms = carried->created_at_ms,
                                 .measured.queue_wait_ms = carried->measured.queue_wait_ms};
    run_agents(agent_rows, carried->measured.agent_deadline_ms, &clock, arena, &analysis);
    run_analyzers(&clock, arena, &analysis);
    analysis_write(body, &analysis);
}

/* --- what differs --- */

struct comparison {
    struct writer writer;
    unsigned count;
    struct buffer pointer; /* RFC 6901, to where the comparison stands */
};

/* One token deeper; where the pointer ended before. */
static size_t enter(struct comparison *comparison, const char *token) {
    struct buffer *pointer = &comparison->pointer;
    size_t outside = pointer->len;
    buffer_append_char(pointer, '/');
    for (; *token != '\0'; token++)
        if (*token == '~' || *token == '/')
            buffer_append_string(pointer, *token == '~' ? "~0" : "~1");
        else
            buffer_append_char(pointer, *token);
    return outside;
}

static void write_side(struct comparison *comparison, const char *key, const json_t *value) {
    if (value == NULL)
        return;
    char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (json == NULL)
        abort();
    writer_key(&comparison->writer, key);
    writer_raw(&comparison->writer, text_of(json));
    free(json);
}

static void tell(struct comparison *comparison, const json_t *was, const json_t *now) {
    if (comparison->count++ >= EXPLAIN_DIFFERENCES_MAX)
        return;
    writer_open_object(&comparison->writer);
    writer_member_text(&comparison->writer, "pointer", buffer_text(&comparison->pointer));
    write_side(comparison, "analysis", was);
    write_side(comparison, "now", now);
    writer_close_object(&comparison->writer);
}

static void compare(struct comparison *comparison, const json_t *was, const json_t *now);

static void compare_member(struct comparison *comparison, const char *token, const json_t *was,
                           const json_t *now) {
    size_t outside = enter(comparison, token);
    compare(comparison, was, now);
    comparison->pointer.len = outside;
}

static void compare_objects(struct comparison *comparison, const json_t *was, const json_t *now) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)was, key, value)
        compare_member(comparison, key, value, json_object_get(now, key));
    json_object_foreach((json_t *)now, key, value) if (json_object_get(was, key) == NULL)
        compare_member(comparison, key, NULL, value);
}

static void compare_arrays(struct comparison *comparison, const json_t *was, const json_t *now) {
    char index[INDEX_DIGITS_MAX];
    size_t most = json_array_size(was) > json_array_size(now) ? json_array_size(was) : json_array_size(now);
    for (size_t i = 0; i < most; i++) {
        snprintf(index, sizeof(index), "%zu", i);
        compare_member(comparison, index, json_array_get(was, i), json_array_get(now, i));
    }
}

static void compare(struct comparison *comparison, const json_t *was, const json_t *now) {
    if (json_is_object(was) && json_is_object(now))
        compare_objects(comparison, was, now);
    else if (json_is_array(was) && json_is_array(now))
        compare_arrays(comparison, was, now);
    else if (!json_equal(was, now))
        tell(comparison, was, now);
}

/* The body without its signal, which is the same on both sides. */
static json_t *parse_but_signal(struct text body, struct arena *arena) {
    struct buffer rest = BUFFER_EMPTY;
    struct stored_body parts;
    json_error_t error;
    if (!stored_body_read(body, arena, &parts))
        abort();
    buffer_append(&rest, body.at, (size_t)(parts.signal.at - body.at));
    buffer_append_char(&rest, '0');
    buffer_append(&rest, parts.signal.at + parts.signal.len,
                  (size_t)(body.at + body.len - parts.signal.at) - parts.signal.len);
    json_t *tree = json_loadb(rest.at, rest.len, 0, &error);
    buffer_fini(&rest);
    return tree;
}

static bool write_differences(struct text body, struct text repeated, struct arena *arena,
                              struct buffer *out) {
    struct comparison comparison = {.count = 0};
    json_t *was = parse_but_signal(body, arena), *now = parse_but_signal(repeated, arena);
    if (was == NULL || now == NULL) {
        json_decref(was);
        json_decref(now);
        return false;
    }
    writer_init(&comparison.writer, out);
    writer_open_object(&comparison.writer);
    writer_member_string(&comparison.writer, "id", json_string_value(json_object_get(was, "id")));
    writer_key(&comparison.writer, "rules_version");
    writer_open_object(&comparison.writer);
    write_side(&comparison, "analysis", json_object_get(was, "rules_version"));
    write_side(&comparison, "now", json_object_get(now, "rules_version"));
    writer_close_object(&comparison.writer);
    writer_key(&comparison.writer, "differences");
    writer_open_array(&comparison.writer);
    compare(&comparison, was, now);
    writer_close_array(&comparison.writer);
    writer_close_object(&comparison.writer);
    buffer_fini(&comparison.pointer);
    json_decref(was);
    json_decref(now);
    return true;
}

enum status explain_analysis(struct text body, struct arena *arena, bool *same, struct buffer *differences,
                             const char **why) {
    struct taker taker = {arena, NULL};
    struct stored_body parts;
    struct carried carried;
    struct buffer repeated = BUFFER_EMPTY;
    enum status status = STATUS_OK;
    if (!stored_body_read(body, arena, &parts)) {
        *why = "the stored analysis is no JSON object";
        return STATUS_INVALID;
    }
    if (!read_carried(&parts, &taker, &carried)) {
        *why = taker.why;
        return STATUS_INVALID;
    }
    repeat(&carried, arena, &repeated);
    *same = text_equal(body, buffer_text(&repeated));
    if (!*same && !write_differences(body, buffer_text(&repeated), arena, differences)) {
        *why = "the stored analysis has members that cannot be compared";
        status = STATUS_INVALID;
    }
    buffer_fini(&repeated);
    return status;
}

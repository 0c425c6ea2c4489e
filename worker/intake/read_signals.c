#include "worker/intake/read_signals.h"

#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/model/log_row.h"
#include "shared/redis/backoff.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "worker/intake/gather_history.h"
#include "worker/intake/recover_entries.h"
#include "worker/intake/release_entries.h"

/* One slot in so many is never taken by new entries: a backlog must not keep us from finishing what dead
 * workers left. */
enum { SLOTS_PER_RESCUE = 8 };

enum { BLOCK_MS = 2000, BLOCK_SLACK_MS = 2000 };

struct reading {
    struct intake *intake;
    unsigned asked; /* slots reserved for the read under way; 0: none is */
    bool creating_group;
    int64_t now_ms, retry_at_ms, group_at_ms;
    int64_t backoff_ms; /* of XREADGROUP and XGROUP CREATE together */
    struct command command;
};

struct reading *reading_new(struct intake *intake) {
    struct reading *reading = calloc(1, sizeof(*reading));
    if (reading == NULL)
        abort();
    reading->intake = intake;
    return reading;
}

void reading_free(struct reading *reading) {
    if (reading == NULL)
        return;
    command_fini(&reading->command);
    free(reading);
}

bool reading_is_asking(const struct reading *reading) {
    return reading->asked > 0;
}

/* --- entries --- */

static void bury_unreadable(struct reading *reading, struct text entry, unsigned deliveries,
                            struct text signal, const char *reason) {
    struct burial burial = {
        .entry = entry, .deliveries = deliveries, .reason = reason, .stage = "read", .signal = signal};
    bury_entry(&reading->intake->burial, &burial, NULL, NULL);
}

static void bury_poison(struct reading *reading, const struct work *work) {
    struct burial burial = {.entry = text_of(work->entry),
                            .deliveries = work->deliveries,
                            .reason = status_name(STATUS_POISON),
                            .stage = "analyze",
                            .signal = buffer_text(&work->signal_json),
                            .id = &work->id,
                            .readable_signal = &work->signal,
                            .received_at_ms = work->received_at_ms};
    bury_entry(&reading->intake->burial, &burial, NULL, NULL);
}

static bool parse_fields(struct work *work, const redisReply *fields) {
    struct text received = reply_text(reply_field(fields, "received_at"));
    struct text signal = reply_text(reply_field(fields, "signal"));
    unsigned long long received_ms;
    struct faults faults;
    if (!text_is(reply_text(reply_field(fields, "v")), "1") ||
        !uuid_parse(reply_text(reply_field(fields, "id")), &work->id) ||
        !text_to_unsigned(received, INT64_MAX, &received_ms) || signal.len > SIGNAL_BODY_MAX)
        return false;
    work->received_at_ms = (int64_t)received_ms;
    buffer_append_text(&work->signal_json, signal);
    faults_init(&faults, &work->arena);
    return signal_read_stored(buffer_text(&work->signal_json), &work->arena, &work->signal, &faults) ==
           STATUS_OK;
}

void read_entry(struct reading *reading, struct text id, const redisReply *fields, unsigned deliveries,
                bool claimed) {
    struct intake *intake = reading->intake;
    struct work *work = work_take(intake->pool);
    if (work == NULL)
        abort(); /* never more is asked for than there are slots */
    work->taken_at_ms = clock_wall_ms();
    work->taken_at_ns = clock_monotonic_ns();
    work->deliveries = deliveries;
    work->claimed = claimed;
    bool known = work_set_entry(work, id);
    if (known && parse_fields(work, fields)) {
        if (deliveries <= (unsigned)intake->settings->delivery_limit) {
            gather_history(intake->gatherer, work);
            return;
        }
        bury_poison(reading, work);
    } else {
        bury_unreadable(reading, id, deliveries, reply_text(reply_field(fields, "signal")),
                        status_name(STATUS_MALFORMED));
    }
    work_give_back(intake->pool, work);
}

static void take_entries(struct reading *reading, const redisReply *entries) {
    for (size_t i = 0; reply_is_array(entries, 1) && i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (!reply_is_array(entry, 2))
            continue;
        if (reading->intake->stopping)
            release_entry(reading->intake, reply_text(entry->element[0]), 1);
        else
            read_entry(reading, reply_text(entry->element[0]), entry->element[1], 1, false);
    }
    gatherer_send(reading->intake->gatherer);
}

/* XREADGROUP → [[stream, [[id, [name, value, …]], …]]], nil when the block ended without. */
static void on_read(void *arg, enum status status, const redisReply *reply) {
    struct reading *reading = arg;
    work_pool_unreserve(reading->intake->pool, reading->asked);
    reading->asked = 0;
    if (status == STATUS_OK)
        reading->backoff_ms = 0;
    if (status == STATUS_OK && reply_is_array(reply, 1) && reply_is_array(reply->element[0], 2)) {
        take_entries(reading, reply->element[0]->element[1]);
    } else if (status == STATUS_NO_GROUP) {
        reading->intake->group_ready = false;
    } else if (status != STATUS_OK) {
        reading->backoff_ms = backoff_next(reading->backoff_ms);
        reading->retry_at_ms = reading->now_ms + reading->backoff_ms;
        if (reply != NULL)
            tell_reply("XREADGROUP threats:stream", reply);
    }
    read_signals(reading);
}

void read_signals(struct reading *reading) {
    struct intake *intake = reading->intake;
    unsigned available = work_pool_available(intake->pool),
             kept = 1 + work_pool_slots(intake->pool) / SLOTS_PER_RESCUE;
    unsigned room = available > kept ? available - kept : 0, batch = (unsigned)intake->settings->batch_size;
    unsigned count = room < batch ? room : batch;
    struct command *command = &reading->command;
    if (reading->asked > 0 || intake->stopping || !recovery_is_done(intake->recovery) ||
        !intake->group_ready || intake->snapshot == NULL || room == 0 ||
        reading->now_ms < reading->retry_at_ms || !link_is_up(intake->reader) ||
        !link_is_up(intake->commands))
        return;
    command_begin(command, "XREADGROUP");
    command_words(command, "GROUP", CONSUMER_GROUP, intake->consumer, "COUNT", NULL);
    command_signed(command, count);
    command_string(command, "BLOCK");
    command_signed(command, BLOCK_MS);
    command_words(command, "STREAMS", keyspace_fixed(&intake->keyspace, KEY_STREAM), ">", NULL);
    if (link_send(intake->reader, command_finish(command), BLOCK_MS + BLOCK_SLACK_MS, on_read, reading) !=
        STATUS_OK)
        return;
    reading->asked = count;
    work_pool_reserve(intake->pool, count);
}

/* --- the group --- */

static void on_group(void *arg, enum status status, const redisReply *reply) {
    struct reading *reading = arg;
    static const char busy[] = "BUSYGROUP";
    struct text word = reply_text(reply);
    bool there =
        status != STATUS_OK && word.len >= sizeof(busy) - 1 && memcmp(word.at, busy, sizeof(busy) - 1) == 0;
    reading->creating_group = false;
    if (status == STATUS_OK) {
        log_write(LOG_GROUP_CREATED, LOG_STRING("group", CONSUMER_GROUP));
        metrics_add(METRIC_GROUP_RECREATED, 0, 0, 1);
    } else if (!there && reply != NULL) {
        tell_reply("XGROUP CREATE threats:stream", reply);
    }
    reading->intake->group_ready = status == STATUS_OK || there;
    read_signals(reading);
}

/* From 0: what was added before the group came (back) is not lost; what was done before is told by its
 * record. */
static void create_group(struct reading *reading, int64_t now_ms) {
    struct command *command = &reading->command;
    reading->backoff_ms = backoff_next(reading->backoff_ms);
    reading->group_at_ms = now_ms + reading->backoff_ms;
    command_begin(command, "XGROUP");
    command_words(command, "CREATE", keyspace_fixed(&reading->intake->keyspace, KEY_STREAM), CONSUMER_GROUP,
                  "0", "MKSTREAM", NULL);
    reading->creating_group = link_send(reading->intake->commands, command_finish(command), LINK_DEADLINE_MS,
                                        on_group, reading) == STATUS_OK;
}

void reading_tick(struct reading *reading, int64_t now_ms) {
    struct intake *intake = reading->intake;
    reading->now_ms = now_ms;
    if (!link_is_up(intake->commands))
        return;
    if (!intake->group_ready && !reading->creating_group && now_ms >= reading->group_at_ms)
        create_group(reading, now_ms);
    gatherer_tick(intake->gatherer, now_ms);
    recovery_tick(intake->recovery);
    read_signals(reading);
}

void reading_stop(struct reading *reading) {
    struct command *command = &reading->command;
    long long id = link_client_id(reading->intake->reader);
    if (reading->asked == 0 || id == 0)
        return;
    command_begin(command, "CLIENT");
    command_string(command, "UNBLOCK");
    command_signed(command, id);
    command_string(command, "TIMEOUT");
    link_send(reading->intake->commands, command_finish(command), LINK_DEADLINE_MS, NULL, NULL);
}

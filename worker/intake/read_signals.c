#include "worker/intake/read_signals.h"

#include <stdio.h>
#include <stdlib.h>

#include "lua/create_group_lua.h"
#include "shared/base/clock.h"
#include "shared/redis/backoff.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "worker/intake/claim_entries.h"
#include "worker/intake/gather_history.h"
#include "worker/intake/parse_fields.h"
#include "worker/intake/recover_entries.h"
#include "worker/intake/release_entries.h"
#include "worker/results/trace_work.h"

/* One slot in so many is never taken by new entries: a backlog must not keep us from finishing what dead
 * workers left. */
enum { SLOTS_PER_RESCUE = 8 };

enum { BLOCK_MS = 2000, BLOCK_SLACK_MS = 2000, UNBLOCK_AGAIN_MS = 100 };

struct reading {
    struct intake *intake;
    unsigned asked; /* slots reserved for the read under way; 0: none is */
    bool creating_group;
    bool had_group; /* at some time: making it then is no beginning but a loss */
    int64_t now_ms, retry_at_ms, group_at_ms, unblocked_ms;
    int64_t backoff_ms; /* of XREADGROUP and of making the group together */
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

static void bury_unreadable(const struct intake *intake, const struct work *work, struct text entry,
                            const struct entry_fault *fault) {
    struct burial burial = {.threat = fault->id_known ? &work->id : NULL,
                            .entry = entry,
                            .deliveries = work->deliveries,
                            .reason = fault->reason,
                            .stage = DEAD_AT_READ,
                            .detail = fault->detail,
                            .trace = &work->trace};
    trace_unreadable(work, fault->reason);
    bury_entry(&intake->burial, &burial);
}

/* Pending for nobody until a worker comes that understands it. */
static void leave_to_newer(const struct intake *intake, const struct work *work, unsigned version) {
    char holder[CONSUMER_NAME_MAX];
    snprintf(holder, sizeof(holder), NEWER_CONSUMERS "%u", version);
    metrics_add(METRIC_NEWER_ENTRIES, 0, 0, 1);
    release_entry(intake, holder, text_of(work->entry), work->deliveries);
}

static void begin_work(struct work *work, unsigned deliveries, enum taken_how how) {
    work->taken_at_ms = clock_wall_ms();
    work->taken_at_ns = clock_monotonic_ns();
    work->deliveries = deliveries;
    work->claimed = how != TAKEN_NEW;
    work->alone = how == TAKEN_ALONE;
}

bool read_entry(struct reading *reading, struct text id, const redisReply *fields, unsigned deliveries,
                enum taken_how how) {
    struct intake *intake = reading->intake;
    struct work *work = work_take(intake->pool);
    struct entry_fault fault;
    if (work == NULL || !work_set_entry(work, id))
        abort(); /* never more is asked for than there are slots; Redis spells ids */
    begin_work(work, deliveries, how);
    enum entry_kind kind = parse_fields(work, fields, &fault);
    work_join_trace(work, reply_text(reply_field(fields, "traceparent")));
    if (kind == ENTRY_READABLE) {
        gather_history(intake->gatherer, work);
        return true;
    }
    if (kind == ENTRY_NEWER)
        leave_to_newer(intake, work, fault.version);
    else
        bury_unreadable(intake, work, id, &fault);
    work_give_back(intake->pool, work);
    return false;
}

static void take_entries(struct reading *reading, const redisReply *entries) {
    for (size_t i = 0; reply_is_array(entries, 1) && i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (!reply_is_array(entry, 2))
            continue;
        if (reading->intake->stopping)
            release_entry(reading->intake, RELEASED_CONSUMER, reply_text(entry->element[0]), 1);
        else
            read_entry(reading, reply_text(entry->element[0]), entry->element[1], 1, TAKEN_NEW);
    }
    release_flush(reading->intake);
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
    if (reading->asked > 0 || intake->stopping || rescue_is_quarantined(intake->rescue) ||
        !recovery_is_done(intake->recovery) || !intake->group_ready || intake->snapshot == NULL ||
        room == 0 || reading->now_ms < reading->retry_at_ms || !link_is_up(intake->reader) ||
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

const struct script *create_group_script(void) {
    static struct script script;
    return script_once(&script, create_group_lua);
}

static void on_group(void *arg, enum status status, const redisReply *reply) {
    struct reading *reading = arg;
    reading->creating_group = false;
    if (status == STATUS_OK && reply_integer(reply, 0) == 1) {
        log_write(LOG_GROUP_CREATED, LOG_STRING("group", CONSUMER_GROUP));
        metrics_add(METRIC_GROUP_RECREATED, 0, 0, reading->had_group);
    } else if (status != STATUS_OK && status != STATUS_NO_SCRIPT && reply != NULL) {
        tell_reply("create_group", reply);
    }
    reading->intake->group_ready = status == STATUS_OK;
    reading->had_group |= status == STATUS_OK;
    read_signals(reading);
}

static void create_group(struct reading *reading, int64_t now_ms) {
    struct command *command = &reading->command;
    const struct keyspace *keyspace = &reading->intake->keyspace;
    reading->backoff_ms = backoff_next(reading->backoff_ms);
    reading->group_at_ms = now_ms + reading->backoff_ms;
    command_begin_script(command, create_group_script(), 3);
    command_words(command, keyspace_fixed(keyspace, KEY_STREAM), keyspace_fixed(keyspace, KEY_COMPLETED),
                  keyspace_fixed(keyspace, KEY_FAILED), CONSUMER_GROUP, keyspace_threat_start(keyspace),
                  NULL);
    reading->creating_group = link_send(reading->intake->commands, command_finish(command), LINK_DEADLINE_MS,
                                        on_group, reading) == STATUS_OK;
}

static void unblock(struct reading *reading) {
    struct command *command = &reading->command;
    long long id = link_client_id(reading->intake->reader);
    reading->unblocked_ms = reading->now_ms;
    if (reading->asked == 0 || id == 0)
        return;
    command_begin(command, "CLIENT");
    command_string(command, "UNBLOCK");
    command_signed(command, id);
    command_string(command, "TIMEOUT");
    link_send(reading->intake->commands, command_finish(command), LINK_DEADLINE_MS, NULL, NULL);
}

void reading_stop(struct reading *reading) {
    unblock(reading);
}

void reading_tick(struct reading *reading, int64_t now_ms) {
    struct intake *intake = reading->intake;
    reading->now_ms = now_ms;
    if (!link_is_up(intake->commands))
        return;
    if (!intake->group_ready && !reading->creating_group && now_ms >= reading->group_at_ms)
        create_group(reading, now_ms);
    if ((intake->stopping || rescue_is_quarantined(intake->rescue)) &&
        now_ms - reading->unblocked_ms >= UNBLOCK_AGAIN_MS)
        unblock(reading); /* the first may have overtaken the read */
    gatherer_tick(intake->gatherer, now_ms);
    recovery_tick(intake->recovery);
    read_signals(reading);
}

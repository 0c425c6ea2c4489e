#include "worker/results/commit_analysis.h"

#include <stdlib.h>

#include "lua/commit_analysis_lua.h"
#include "shared/base/clock.h"
#include "shared/model/log_row.h"
#include "shared/redis/backoff.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/metrics.h"

enum { BATCH_MAX = 16 };

struct batch {
    struct commit *commit;
    struct batch *next; /* in `under_way` or `spare` */
    struct work *works[BATCH_MAX];
    unsigned count;
};

struct commit {
    struct commit_options options;
    struct work *ready, **ready_end; /* in the order of their coming */
    struct work *refused;            /* wait for the next tick */
    struct batch *under_way, *spare;
    int64_t backoff_ms, probe_at_ms; /* after an error: one batch is tried when it is time; 0: all are sent */
    struct command keys, arguments, whole;
    struct buffer scratch;
};

const struct script *commit_script(void) {
    static struct script script;
    return script_once(&script, commit_analysis_lua);
}

struct commit *commit_new(const struct commit_options *options) {
    struct commit *commit = calloc(1, sizeof(*commit));
    if (commit == NULL)
        abort();
    commit->options = *options;
    commit->ready_end = &commit->ready;
    return commit;
}

void commit_free(struct commit *commit) {
    if (commit == NULL)
        return;
    while (commit->spare != NULL) {
        struct batch *batch = commit->spare;
        commit->spare = batch->next;
        free(batch);
    }
    command_fini(&commit->keys);
    command_fini(&commit->arguments);
    command_fini(&commit->whole);
    buffer_fini(&commit->scratch);
    free(commit);
}

void commit_analysis(struct commit *commit, struct work *work) {
    work->state = WORK_READY;
    work->next = NULL;
    *commit->ready_end = work;
    commit->ready_end = &work->next;
}

static struct work *take_ready(struct commit *commit) {
    struct work *work = commit->ready;
    commit->ready = work->next;
    if (commit->ready == NULL)
        commit->ready_end = &commit->ready;
    work->state = WORK_COMMITTING;
    work->next = NULL;
    return work;
}

static void add_key(struct commit *commit, const struct work *work,
                    void (*spell)(struct commit *, const struct work *)) {
    buffer_clear(&commit->scratch);
    spell(commit, work);
    command_text(&commit->keys, buffer_text(&commit->scratch));
}

static void spell_threat(struct commit *commit, const struct work *work) {
    keyspace_threat(commit->options.keyspace, &work->id, &commit->scratch);
}

static void spell_customer(struct commit *commit, const struct work *work) {
    keyspace_history_customer(commit->options.keyspace, work->signal.customer_id, work->signal.threat_type,
                              &commit->scratch);
}

static void spell_address(struct commit *commit, const struct work *work) {
    keyspace_history_address(commit->options.keyspace, &work->signal.source_ip, &commit->scratch);
}

static void spell_agent(struct commit *commit, const struct work *work) {
    keyspace_history_agent(commit->options.keyspace, log_row_agent_hash(work->signal.user_agent),
                           &commit->scratch);
}

static void add_work(struct commit *commit, const struct work *work) {
    char id[UUID_LENGTH];
    bool agent = work->signal.user_agent.at != NULL;
    add_key(commit, work, spell_threat);
    add_key(commit, work, spell_customer);
    add_key(commit, work, spell_address);
    if (agent)
        add_key(commit, work, spell_agent);
    uuid_write(&work->id, id);
    command_string(&commit->arguments, work->entry);
    command_signed(&commit->arguments, work->deliveries);
    command_text(&commit->arguments, (struct text){id, UUID_LENGTH});
    command_signed(&commit->arguments, work->received_at_ms);
    command_text(&commit->arguments, buffer_text(&work->body));
    command_text(&commit->arguments, buffer_text(&work->row));
    command_text(&commit->arguments, buffer_text(&work->history_case));
    command_signed(&commit->arguments, agent ? 3 : 2);
}

static void add_head(struct commit *commit, const struct batch *batch) {
    const struct work *first = batch->works[0], *last = batch->works[0];
    const struct keyspace *keyspace = commit->options.keyspace;
    for (unsigned i = 1; i < batch->count; i++) {
        if (stream_id_is_before(batch->works[i]->entry_id, first->entry_id))
            first = batch->works[i];
        if (stream_id_is_before(last->entry_id, batch->works[i]->entry_id))
            last = batch->works[i];
    }
    command_words(&commit->keys, keyspace_fixed(keyspace, KEY_STREAM), keyspace_fixed(keyspace, KEY_LOG),
                  keyspace_fixed(keyspace, KEY_BY_CREATED), keyspace_fixed(keyspace, KEY_COMPLETED), NULL);
    command_words(&commit->arguments, CONSUMER_GROUP, commit->options.consumer,
                  commit->options.publish ? keyspace_fixed(keyspace, KEY_EVENTS) : "", first->entry,
                  last->entry, NULL);
}

static struct batch *batch_take(struct commit *commit) {
    struct batch *batch = commit->spare;
    if (batch != NULL)
        commit->spare = batch->next;
    else if ((batch = malloc(sizeof(*batch))) == NULL)
        abort();
    *batch = (struct batch){.commit = commit};
    return batch;
}

static void batch_end(struct batch *batch) {
    struct batch **at = &batch->commit->under_way;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
    batch->next = batch->commit->spare;
    batch->commit->spare = batch;
}

static void refuse(struct commit *commit, struct work *work) {
    work->state = WORK_READY;
    work->next = commit->refused;
    commit->refused = work;
}

static enum status outcome_of(const redisReply *answer) {
    struct text word = reply_text(answer);
    if (text_is(word, "OK"))
        return STATUS_OK;
    if (text_is(word, "FENCED"))
        return STATUS_FENCED;
    return text_is(word, "GONE") || text_is(word, "DONE") ? STATUS_GONE : STATUS_INTERNAL;
}

static void conclude(struct commit *commit, struct work *work, const redisReply *answer) {
    enum status status = outcome_of(answer);
    if (status != STATUS_INTERNAL) {
        commit->options.done(commit->options.arg, work, status);
        return;
    }
    tell_reply("commit_analysis", answer);
    if (++work->failed_commits >= commit->options.attempts_max)
        commit->options.done(commit->options.arg, work, status);
    else
        refuse(commit, work);
}

static void note_error(struct commit *commit, const redisReply *reply) {
    tell_reply("commit_analysis", reply);
    commit->backoff_ms = backoff_next(commit->backoff_ms);
    commit->probe_at_ms = clock_monotonic_ms() + commit->backoff_ms;
}

/* The error of a key that all entries share: none of them is to blame, and all wait. */
static const redisReply *shared_error(const redisReply *reply) {
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return reply->element[i];
    return NULL;
}

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct batch *batch = arg;
    struct commit *commit = batch->commit;
    const redisReply *answers = status == STATUS_OK && reply_is_array(reply, batch->count) ? reply : NULL;
    const redisReply *error = answers != NULL              ? shared_error(answers)
                              : status == STATUS_NO_SCRIPT ? NULL
                                                           : reply;
    if (error != NULL)
        note_error(commit, error);
    else if (answers != NULL)
        commit->backoff_ms = commit->probe_at_ms = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        if (answers != NULL && answers->element[i]->type != REDIS_REPLY_ERROR)
            conclude(commit, batch->works[i], answers->element[i]);
        else
            refuse(commit, batch->works[i]);
    }
    batch_end(batch);
}

static void send_batch(struct commit *commit) {
    struct batch *batch = batch_take(commit);
    while (batch->count < BATCH_MAX && commit->ready != NULL)
        batch->works[batch->count++] = take_ready(commit);
    metrics_observe(METRIC_COMMIT_BATCH, 0, batch->count);
    command_begin_part(&commit->keys);
    command_begin_part(&commit->arguments);
    add_head(commit, batch);
    for (unsigned i = 0; i < batch->count; i++)
        add_work(commit, batch->works[i]);
    command_begin_script(&commit->whole, commit_script(), (int)commit->keys.count);
    command_join(&commit->whole, &commit->keys);
    command_join(&commit->whole, &commit->arguments);
    batch->next = commit->under_way;
    commit->under_way = batch;
    if (link_send(*commit->options.link, command_finish(&commit->whole), LINK_DEADLINE_MS, on_reply, batch) !=
        STATUS_OK)
        on_reply(batch, STATUS_UNAVAILABLE, NULL);
}

static bool may_send(const struct commit *commit) {
    return commit->probe_at_ms == 0 ||
           (commit->under_way == NULL && clock_monotonic_ms() >= commit->probe_at_ms);
}

void commit_flush(struct commit *commit) {
    while (commit->ready != NULL && link_is_up(*commit->options.link) && may_send(commit))
        send_batch(commit);
}

void commit_tick(struct commit *commit) {
    struct work *refused = commit->refused;
    commit->refused = NULL;
    while (refused != NULL) {
        struct work *work = refused;
        refused = work->next;
        commit_analysis(commit, work);
    }
}

#include "api/backlog/backlog.h"

#include <stdlib.h>

#include "api/backlog/backlog_json.h"
#include "lua/read_backlog_lua.h"
#include "shared/redis/script_call.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum { ASK_EVERY_MS = 1000, CONSUMERS_NAMED = 256 };

/* A question to Redis: the memory, then the sample; freed with the sample's reply. */
struct inquiry {
    struct backlog *backlog;
    backlog_done done; /* NULL: only for metrics and admission */
    void *arg;
};

struct backlog {
    struct link *const *link;
    const struct keyspace *keyspace;
    struct admission *admission;
    struct required_workers required;
    struct command command;
    int64_t asked_ms;
    bool asking;
    bool was_open;
};

const struct script *backlog_script(void) {
    static struct script script;
    return script_once(&script, read_backlog_lua);
}

struct backlog *backlog_new(struct link *const *link, const struct keyspace *keyspace,
                            struct admission *admission, const struct required_workers *required) {
    struct backlog *backlog = calloc(1, sizeof(*backlog));
    if (backlog == NULL)
        abort();
    backlog->link = link;
    backlog->keyspace = keyspace;
    backlog->admission = admission;
    backlog->required = *required;
    backlog->was_open = true;
    return backlog;
}

void backlog_free(struct backlog *backlog) {
    if (backlog == NULL)
        return;
    command_fini(&backlog->command);
    free(backlog);
}

static void show_if(bool known, enum metric metric, int64_t value) {
    if (known)
        metrics_set(metric, (double)value);
    else
        metrics_hide(metric);
}

static void show_metrics(const struct backlog_sample *sample) {
    int64_t unaccounted = 0, waiting = sample->oldest_waiting_ms, pending = sample->oldest_pending_ms;
    int64_t oldest_ms = waiting > pending ? waiting : pending;
    bool accounted = sample_unaccounted(sample, &unaccounted);
    metrics_set(METRIC_STREAM_LENGTH, (double)sample->length);
    metrics_set(METRIC_STREAM_PENDING, (double)sample->pending);
    metrics_set(METRIC_STREAM_LAG_VALID, sample->lag >= 0);
    show_if(sample->lag >= 0, METRIC_STREAM_LAG, sample->lag);
    metrics_set(METRIC_STREAM_OLDEST, oldest_ms > 0 ? (double)oldest_ms / 1000 : 0);
    metrics_set(METRIC_STREAM_CLOCK_AHEAD, (double)sample->stream_ahead_ms / 1000);
    metrics_set(METRIC_STREAM_CONSUMERS, (double)sample->consumers);
    metrics_set(METRIC_OUTSTANDING, (double)sample_outstanding(sample));
    metrics_set(METRIC_OUTSTANDING_EXACT, sample_is_exact(sample));
    metrics_set(METRIC_ENTRIES_RECEIVED, (double)sample->received);
    show_if(sample->completed >= 0, METRIC_ENTRIES_COMPLETED, sample->completed);
    show_if(sample->completed >= 0, METRIC_ENTRIES_FAILED, sample->failed < 0 ? 0 : sample->failed);
    show_if(accounted, METRIC_ENTRIES_UNACCOUNTED, unaccounted);
    metrics_set(METRIC_DEAD_LETTERS_STORED, (double)sample->dead_letters);
}

static void hide_metrics(void) {
    static const enum metric group[] = {
        METRIC_STREAM_LENGTH,     METRIC_STREAM_PENDING,     METRIC_STREAM_LAG,
        METRIC_STREAM_OLDEST,     METRIC_STREAM_CLOCK_AHEAD, METRIC_STREAM_CONSUMERS,
        METRIC_OUTSTANDING,       METRIC_OUTSTANDING_EXACT,  METRIC_ENTRIES_RECEIVED,
        METRIC_ENTRIES_FAILED,    METRIC_ENTRIES_COMPLETED,  METRIC_ENTRIES_UNACCOUNTED,
        METRIC_REDIS_MEMORY_USED, METRIC_REDIS_MEMORY_MAX,   METRIC_DEAD_LETTERS_STORED,
        METRIC_REQUIRED_WORKERS};
    for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++)
        metrics_hide(group[i]);
    metrics_set(METRIC_STREAM_LAG_VALID, 0);
}

static void show_intake(struct backlog *backlog) {
    enum status status = admission_judge(backlog->admission);
    bool open = status == STATUS_OK;
    metrics_set(METRIC_INTAKE_OPEN, open);
    if (open && !backlog->was_open)
        log_write(LOG_INTAKE_OPEN);
    else if (!open && backlog->was_open)
        log_write(LOG_INTAKE_CLOSED, LOG_STRING("reason", status_name(status)));
    backlog->was_open = open;
}

/* INFO is lines of name:value; only strings that end with their NUL come from hiredis. */
static int64_t info_number(const redisReply *reply, const char *name) {
    const char *at = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;
    return at == NULL ? 0 : strtoll(at + strlen(name), NULL, 10);
}

static void on_memory(void *arg, enum status status, const redisReply *reply) {
    struct backlog *backlog = arg;
    if (status != STATUS_OK)
        return;
    struct admission *admission = backlog->admission;
    admission_learn_memory(admission, info_number(reply, "\nused_memory:"),
                           info_number(reply, "\nmaxmemory:"));
    metrics_set(METRIC_REDIS_MEMORY_USED, (double)admission->used);
    show_if(admission->max > 0, METRIC_REDIS_MEMORY_MAX, admission->max);
}

static void on_sample(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    struct backlog *backlog = inquiry->backlog;
    struct backlog_sample sample;
    struct buffer out = BUFFER_EMPTY;
    if (status == STATUS_OK && !sample_read(reply, &sample))
        status = STATUS_INTERNAL;
    if (inquiry->done == NULL)
        backlog->asking = false;
    if (status == STATUS_OK) {
        if (inquiry->done == NULL)
            admission_learn(backlog->admission, sample_outstanding(&sample));
        show_metrics(&sample);
        metrics_set(METRIC_REQUIRED_WORKERS, (double)required_workers_learn(&backlog->required, &sample));
        show_intake(backlog);
        if (inquiry->done != NULL)
            backlog_write(&out, backlog->keyspace, &sample, backlog->admission);
    } else {
        hide_metrics();
        required_workers_forget(&backlog->required);
        if (reply != NULL && status != STATUS_NO_SCRIPT)
            tell_reply("read_backlog", reply);
    }
    if (inquiry->done != NULL)
        inquiry->done(inquiry->arg, status, buffer_text(&out));
    buffer_fini(&out);
    free(inquiry);
}

static enum status send_question(struct backlog *backlog, struct inquiry *inquiry) {
    const struct keyspace *keyspace = backlog->keyspace;
    struct command *command = &backlog->command;
    command_begin(command, "INFO");
    command_string(command, "memory");
    enum status status =
        link_send(*backlog->link, command_finish(command), LINK_DEADLINE_MS, on_memory, backlog);
    if (status != STATUS_OK)
        return status;
    command_begin_script(command, backlog_script(), 5);
    command_words(command, keyspace_fixed(keyspace, KEY_STREAM), keyspace_fixed(keyspace, KEY_DEAD),
                  keyspace_fixed(keyspace, KEY_WORKERS), keyspace_fixed(keyspace, KEY_COMPLETED),
                  keyspace_fixed(keyspace, KEY_FAILED), CONSUMER_GROUP, NULL);
    command_signed(command, inquiry->done == NULL ? 0 : CONSUMERS_NAMED);
    return script_call(*backlog->link, command_finish(command), on_sample, inquiry);
}

void backlog_ask(struct backlog *backlog, backlog_done done, void *arg) {
    struct inquiry *inquiry = malloc(sizeof(*inquiry));
    if (inquiry == NULL)
        abort();
    *inquiry = (struct inquiry){backlog, done, arg};
    enum status status = send_question(backlog, inquiry);
    if (status != STATUS_OK)
        on_sample(inquiry, status, NULL);
}

void backlog_tick(struct backlog *backlog, int64_t now_ms) {
    if (backlog->asking || now_ms - backlog->asked_ms < ASK_EVERY_MS)
        return;
    backlog->asked_ms = now_ms;
    backlog->asking = true;
    admission_ask(backlog->admission);
    backlog_ask(backlog, NULL, NULL);
}

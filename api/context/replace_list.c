#include "api/context/replace_list.h"

#include <stdlib.h>

#include "lua/gather_entries_lua.h"
#include "lua/replace_list_lua.h"
#include "shared/base/clock.h"
#include "shared/redis/script_call.h"

enum { JOBS_MAX = 16, SLICE = 2000, CHUNK = 1000, GATHERED_LIVE_S = 600 };

/* JOB_PARSING: in the queue, the first one is at work. JOB_SENDING: a chunk awaits its reply. JOB_REPLACING:
 * the script does. The latter two are the first of the queue. */
enum job_state { JOB_PARSING, JOB_SENDING, JOB_REPLACING };

struct import_job {
    struct imports *owner;
    struct exchange *exchange;
    struct indicator_import import;
    enum job_state state;
    uint32_t sent;
    struct buffer gathered; /* the key */
    struct command command;
    struct import_job *next;
};

struct imports {
    struct link *const *link;
    const struct keyspace *keyspace;
    struct uuid_source *ids;
    struct import_job *first;
    unsigned count;
};

static void move_on(struct import_job *job);

const struct script *replace_list_script(void) {
    static struct script script;
    return script_once(&script, replace_list_lua);
}

const struct script *gather_entries_script(void) {
    static struct script script;
    return script_once(&script, gather_entries_lua);
}

struct imports *imports_new(struct link *const *link, const struct keyspace *keyspace,
                            struct uuid_source *ids) {
    struct imports *imports = calloc(1, sizeof(*imports));
    if (imports == NULL)
        abort();
    *imports = (struct imports){link, keyspace, ids, NULL, 0};
    return imports;
}

/* The first one is over: no other is ever at work. */
static void end_first(struct imports *imports) {
    struct import_job *job = imports->first;
    imports->first = job->next;
    imports->count--;
    exchange_release(job->exchange);
    indicator_import_fini(&job->import);
    buffer_fini(&job->gathered);
    command_fini(&job->command);
    free(job);
}

void imports_free(struct imports *imports) {
    if (imports == NULL)
        return;
    while (imports->first != NULL)
        end_first(imports);
    free(imports);
}

/* --- answers --- */

static void answer_replaced(struct import_job *job) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    import_report_write(&writer, &job->import);
    exchange_answer_json(job->exchange, 200, buffer_text(&out));
    buffer_fini(&out);
    end_first(job->owner);
}

static void answer_rejected(struct import_job *job) {
    const struct status_row *row = status_row(STATUS_INVALID);
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    problem_write(&out, row->http_status, row->name, row->title,
                  "nothing was taken; report names every rejected line", NULL, NULL);
    out.len--; /* the closing brace: one member more */
    writer_init(&writer, &out);
    writer.separate = true;
    writer_key(&writer, "report");
    import_report_write(&writer, &job->import);
    writer_close_object(&writer);
    exchange_answer(job->exchange, row->http_status, "application/problem+json", NULL, 0, buffer_text(&out));
    buffer_fini(&out);
    end_first(job->owner);
}

static void forget_gathered(struct import_job *job) {
    command_begin(&job->command, "UNLINK");
    command_text(&job->command, buffer_text(&job->gathered));
    link_send(*job->owner->link, command_finish(&job->command), LINK_DEADLINE_MS, NULL, NULL);
}

static void fail(struct import_job *job, enum status status, bool known) {
    exchange_answer_problem(job->exchange, status,
                            known ? "the old list is whole: try again"
                                  : "the connection broke before the store answered: whether the list was "
                                    "replaced is not known");
    forget_gathered(job);
    end_first(job->owner);
}

/* --- to Redis --- */

static void add_score(struct command *command, unsigned score) {
    if (score == INDICATOR_SCORE_OF_LIST)
        command_text(command, TEXT_LITERAL(""));
    else
        command_signed(command, score);
}

static void write_chunk(struct import_job *job) {
    const struct indicator_set *set = &job->import.set;
    uint32_t end = set->count - job->sent < CHUNK ? set->count : job->sent + CHUNK;
    struct command *command = &job->command;
    command_begin_script(command, gather_entries_script(), 1);
    command_text(command, buffer_text(&job->gathered));
    command_signed(command, GATHERED_LIVE_S);
    for (; job->sent < end; job->sent++) {
        char entry[PREFIX_TEXT_MAX];
        command_text(command, (struct text){entry, indicator_write(&set->rows[job->sent].prefix, entry)});
        add_score(command, set->rows[job->sent].score);
    }
}

static void write_replacement(struct import_job *job) {
    const struct keyspace *keyspace = job->owner->keyspace;
    struct text name = job->import.options.list;
    struct buffer key = BUFFER_EMPTY, record = BUFFER_EMPTY;
    struct command *command = &job->command;
    struct writer writer;
    keyspace_intel_list(keyspace, name, &key);
    writer_init(&writer, &record);
    import_metadata_write(&writer, &job->import);
    command_begin_script(command, replace_list_script(), 4);
    command_text(command, buffer_text(&job->gathered));
    command_text(command, buffer_text(&key));
    command_string(command, keyspace_fixed(keyspace, KEY_INTEL_LISTS));
    command_string(command, keyspace_fixed(keyspace, KEY_CONTEXT_LOG));
    command_text(command, name);
    command_text(command, buffer_text(&record));
    buffer_fini(&key);
    buffer_fini(&record);
}

static void on_reply(void *arg, enum status status, const redisReply *reply);

static void send_command(struct import_job *job) {
    if (script_call(*job->owner->link, command_finish(&job->command), on_reply, job) != STATUS_OK)
        fail(job, STATUS_UNAVAILABLE, true);
}

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct import_job *job = arg;
    if (status != STATUS_OK) {
        fail(job, status, reply != NULL || job->state != JOB_REPLACING);
    } else if (job->state == JOB_REPLACING && reply_integer(reply, 0) != 1) {
        fail(job, STATUS_TIMEOUT, true); /* what was gathered has gone */
    } else {
        move_on(job);
    }
}

/* The one mover: what a job does next when the last thing is done. */
static void move_on(struct import_job *job) {
    if (job->state == JOB_REPLACING) {
        answer_replaced(job);
        return;
    }
    if (job->state == JOB_PARSING && !indicator_import_is_good(&job->import)) {
        answer_rejected(job);
        return;
    }
    job->state = job->sent < job->import.set.count ? JOB_SENDING : JOB_REPLACING;
    if (job->state == JOB_SENDING)
        write_chunk(job);
    else
        write_replacement(job);
    send_command(job);
}

/* --- in --- */

void replace_list(struct imports *imports, struct exchange *exchange, const struct import_options *options) {
    if (imports->count == JOBS_MAX) {
        exchange_answer_problem(exchange, STATUS_OVERLOADED, "too many imports wait already: try again");
        return;
    }
    struct import_job *job = calloc(1, sizeof(*job)), **last = &imports->first;
    if (job == NULL)
        abort();
    int64_t now_ms = clock_wall_ms();
    struct uuid id = uuid_next(imports->ids, now_ms);
    job->owner = imports;
    job->exchange = exchange;
    exchange_hold(exchange);
    indicator_import_init(&job->import, options, exchange_body(exchange), now_ms);
    keyspace_intel_import(imports->keyspace, &id, &job->gathered);
    while (*last != NULL)
        last = &(*last)->next;
    *last = job;
    imports->count++;
}

bool imports_step(struct imports *imports) {
    struct import_job *job = imports->first;
    if (job == NULL || job->state != JOB_PARSING)
        return false;
    if (job->exchange->req == NULL) /* the client left, and its body with it */
        end_first(job->owner);
    else if (indicator_import_step(&job->import, SLICE))
        move_on(job);
    return imports->first != NULL && imports->first->state == JOB_PARSING;
}

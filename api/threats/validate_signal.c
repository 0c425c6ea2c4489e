#include "api/threats/validate_signal.h"

#include <stdlib.h>

#include "api/threats/made_up.h"
#include "api/threats/trace_signal.h"
#include "shared/base/clock.h"
#include "shared/telemetry/metrics.h"

enum { IDEMPOTENCY_KEY_MAX = 255 };

/* A signal on its way to the stream, with the request that waits for word of it. */
struct submission {
    struct api *api;
    struct exchange *exchange;
    struct uuid id;
    unsigned wait_s; /* 0: answer at once */
    enum threat_type threat_type;
    struct signal_trace trace;
};

static void reject(struct exchange *exchange, enum status status, const char *detail) {
    metrics_add(METRIC_SIGNALS_REJECTED, (int)status, 0, 1);
    exchange_answer_problem(exchange, status, detail);
}

static void reject_unadmitted(struct exchange *exchange, const struct admission *admission) {
    struct buffer detail = BUFFER_EMPTY;
    buffer_append_string(&detail, "nothing was taken: ");
    admission_explain(admission, &detail);
    buffer_append_string(&detail, ". Try again later");
    buffer_append_char(&detail, '\0');
    reject(exchange, admission_judge(admission), detail.at);
    buffer_fini(&detail);
}

bool request_is_acceptable(struct exchange *exchange, const char *const *content_types, size_t body_max) {
    const struct api *api = exchange->app;
    if (!exchange_has_type(exchange, content_types)) {
        reject(exchange, STATUS_UNSUPPORTED_TYPE, exchange_type_fault(exchange));
    } else if (exchange_body(exchange).len > body_max) {
        reject(exchange, STATUS_TOO_LARGE, NULL);
    } else if (!link_is_up(api->commands) || !enqueue_is_up(api->enqueue)) {
        reject(exchange, STATUS_UNAVAILABLE, "nothing was taken: try again");
    } else if (admission_judge(&api->admission) != STATUS_OK) {
        reject_unadmitted(exchange, &api->admission);
    } else {
        return true;
    }
    return false;
}

bool request_is_readable(struct exchange *exchange, const char *const *content_types, size_t body_max) {
    const struct api *api = exchange->app;
    if (!exchange_body_is_acceptable(exchange, content_types, body_max, NULL))
        return false;
    if (link_is_up(api->commands))
        return true;
    exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "nothing was changed: try again");
    return false;
}

static bool idempotency_key_of(const struct exchange *exchange, struct text *key) {
    *key = exchange_header(exchange, "idempotency-key");
    if (key->at == NULL) {
        *key = TEXT_LITERAL("");
        return true;
    }
    if (key->len < 1 || key->len > IDEMPOTENCY_KEY_MAX)
        return false;
    for (size_t i = 0; i < key->len; i++)
        if (key->at[i] <= ' ' || key->at[i] > '~')
            return false;
    return true;
}

/* Seconds of `wait=N` in a Prefer header (RFC 7240), cut to WAIT_SECONDS_MAX; `otherwise` when there is none.
 */
static unsigned wait_of(const struct exchange *exchange, unsigned otherwise) {
    struct text prefer = exchange_header(exchange, "prefer");
    for (size_t i = 0; i + 5 < prefer.len; i++) {
        if ((i > 0 && strchr(" ,;", prefer.at[i - 1]) == NULL) ||
            !text_equal_ignoring_case((struct text){prefer.at + i, 5}, TEXT_LITERAL("wait=")))
            continue;
        size_t end = i + 5;
        while (end < prefer.len && prefer.at[end] >= '0' && prefer.at[end] <= '9')
            end++;
        unsigned long long seconds;
        if (!text_to_unsigned((struct text){prefer.at + i + 5, end - i - 5}, UINT32_MAX, &seconds))
            return otherwise;
        return seconds > WAIT_SECONDS_MAX ? WAIT_SECONDS_MAX : (unsigned)seconds;
    }
    return otherwise;
}

const char *not_taken_detail(const struct enqueue_result *result) {
    if (result->unknown)
        return "the connection broke before the store answered: whether the signal was taken is not known; "
               "send it again with the same Idempotency-Key";
    if (result->status == STATUS_UNCONFIRMED)
        return "the store's master has the signal, but fewer replicas than SOC_WAIT_REPLICAS confirmed it in "
               "time; send it again with the same Idempotency-Key";
    return "nothing was taken: try again";
}

void answer_not_taken(struct exchange *exchange, const struct enqueue_result *result) {
    reject(exchange, result->status, not_taken_detail(result));
}

/* Then no analysis is an answer before they have confirmed the signal. */
static bool awaits_replicas(const struct api *api) {
    return api->settings->wait_replicas > 0;
}

/* A look at a threat that may be complete already. */
struct early_look {
    struct api *api;
    struct uuid id;
};

static void on_looked(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct early_look *look = arg;
    if (status == STATUS_OK && count == 1 && threats[0].finished)
        waiters_complete(look->api->waiters, &look->id, threats[0].body);
    free(look);
}

static void await_analysis(const struct submission *submission, const struct uuid *id) {
    int64_t deadline_ms = clock_monotonic_ms() + (int64_t)submission->wait_s * 1000;
    waiters_add(submission->api->waiters, id, submission->exchange, deadline_ms, submission->wait_s);
}

/* The analysis may be there already, with no event to come: this key was used before, or the worker was
 * faster than the replicas. */
static void await_or_look(const struct submission *submission, const struct uuid *id) {
    struct api *api = submission->api;
    struct early_look *look = malloc(sizeof(*look));
    if (look == NULL)
        abort();
    *look = (struct early_look){api, *id};
    waiters_remove(api->waiters, &submission->id, submission->exchange);
    await_analysis(submission, id);
    struct fetch_source source = {.link = &api->commands, .keyspace = &api->keyspace};
    fetch_threats(&source, id, 1, on_looked, look);
}

static void on_enqueued(void *arg, const struct enqueue_result *result) {
    struct submission *submission = arg;
    struct exchange *exchange = submission->exchange;
    trace_enqueued(&submission->trace, submission->threat_type, result);
    if (result->status == STATUS_OK && !result->earlier)
        metrics_add(METRIC_SIGNALS_ACCEPTED, (int)submission->threat_type, 0, 1);
    if (result->status == STATUS_NO_MEMORY)
        admission_note_full(&submission->api->admission);
    if (result->status != STATUS_OK) {
        waiters_remove(submission->api->waiters, &submission->id, exchange);
        answer_not_taken(exchange, result);
    } else if (submission->wait_s == 0) {
        answer_accepted(exchange, &result->id, 0);
    } else if (result->earlier || awaits_replicas(submission->api)) {
        await_or_look(submission, &result->id);
    }
    exchange_release(exchange);
    free(submission);
}

static void submit(struct exchange *exchange, struct text json, int64_t now_ms, unsigned wait_s) {
    static struct arena arena; /* every signal is copied before the next is read */
    struct api *api = exchange->app;
    struct faults faults;
    struct signal signal;
    struct text key;
    char traceparent[TRACEPARENT_LENGTH];
    if (!idempotency_key_of(exchange, &key)) {
        reject(exchange, STATUS_MALFORMED, "Idempotency-Key must be 1 to 255 visible ASCII characters");
        return;
    }
    arena_reset(&arena);
    faults_init(&faults, &arena);
    if (signal_read(json, now_ms, &arena, &signal, &faults) != STATUS_OK) {
        metrics_add(METRIC_SIGNALS_REJECTED, STATUS_INVALID, 0, 1);
        exchange_answer_faults(exchange, &faults, "pointer");
        return;
    }
    struct submission *submission = malloc(sizeof(*submission));
    if (submission == NULL)
        abort();
    *submission = (struct submission){.api = api,
                                      .exchange = exchange,
                                      .id = uuid_next(&api->ids, now_ms),
                                      .wait_s = wait_s,
                                      .threat_type = signal.threat_type};
    exchange_hold(exchange);
    if (wait_s > 0 && !awaits_replicas(api)) /* its event may overtake the script's reply */
        await_analysis(submission, &submission->id);
    trace_signal(&submission->trace, exchange, &submission->id);
    struct enqueue_order order = {submission->id, &signal, now_ms,
                                  signal_traceparent(&submission->trace, traceparent), key};
    admission_count(&api->admission);
    enqueue_signal(api->enqueue, &order, on_enqueued, submission);
}

void validate_signal(struct exchange *exchange) {
    if (request_is_acceptable(exchange, exchange_json_types, SIGNAL_BODY_MAX))
        submit(exchange, exchange_body(exchange), clock_wall_ms(), wait_of(exchange, 0));
}

void trigger_signal(struct exchange *exchange) {
    struct api *api = exchange->app;
    if (!request_is_acceptable(exchange, exchange_json_types, SIGNAL_BODY_MAX))
        return;
    int64_t now_ms = clock_wall_ms();
    char *json = made_up_signal(exchange_body(exchange), &api->ids, now_ms);
    submit(exchange, json == NULL ? exchange_body(exchange) : text_of(json), now_ms,
           wait_of(exchange, TRIGGER_WAIT_SECONDS));
    free(json);
}

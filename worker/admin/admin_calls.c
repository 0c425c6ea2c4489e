#include "worker/admin/admin_calls.h"

#include "shared/base/clock.h"
#include "shared/model/problem.h"
#include "shared/telemetry/log_level.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/probes.h"
#include "worker/intake/recover_entries.h"

static void write_problem(struct admin_answer *answer, enum status status, const char *detail,
                          const struct faults *faults) {
    const struct status_row *row = status_row(status);
    answer->http_status = row->http_status;
    answer->content_type = "application/problem+json";
    problem_write(&answer->body, row->http_status, row->name, row->title, detail, faults, "pointer");
}

void admin_problem(struct admin_answer *answer, enum status status, const char *detail) {
    write_problem(answer, status, detail, NULL);
}

static void answer_json(struct admin_answer *answer, int http_status) {
    answer->http_status = http_status;
    answer->content_type = "application/json";
}

void admin_health(const struct admin_calls *calls, const struct admin_request *request,
                  struct admin_answer *answer) {
    (void)request;
    probe_write_health(&answer->body, clock_monotonic_ms() - calls->started_ms);
    answer_json(answer, 200);
}

static bool redis_is_up(const struct intake *intake) {
    return link_is_up(intake->reader) && link_is_up(intake->commands) && link_is_up(intake->context_link);
}

void admin_ready(const struct admin_calls *calls, const struct admin_request *request,
                 struct admin_answer *answer) {
    const struct intake *intake = calls->intake;
    bool group = intake->group_ready && recovery_is_done(intake->recovery);
    const struct probe_component components[] = {
        {"redis", redis_is_up(intake), "up", "down"},
        {"group", group, "ready", "missing"},
        {"context", intake->snapshot != NULL, "ready", "loading"},
    };
    (void)request;
    bool ready = probe_write_ready(&answer->body, components, 3, intake->stopping);
    answer_json(answer, ready ? 200 : 503);
}

void admin_metrics(const struct admin_calls *calls, const struct admin_request *request,
                   struct admin_answer *answer) {
    const struct intake *intake = calls->intake;
    (void)request;
    metrics_set(METRIC_REDIS_UP, redis_is_up(intake));
    metrics_set(METRIC_IN_FLIGHT, work_pool_in_use(intake->pool));
    metrics_set(METRIC_IN_FLIGHT_MAX, work_pool_slots(intake->pool));
    metrics_write(&answer->body);
    answer->http_status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
}

void admin_get_log_level(const struct admin_calls *calls, const struct admin_request *request,
                         struct admin_answer *answer) {
    (void)calls;
    (void)request;
    log_level_write(&answer->body, clock_monotonic_ms());
    answer_json(answer, 200);
}

void admin_put_log_level(const struct admin_calls *calls, const struct admin_request *request,
                         struct admin_answer *answer) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct log_level_change change;
    if (!text_is_media_type(request->content_type, "application/json")) {
        admin_problem(answer, STATUS_UNSUPPORTED_TYPE, NULL);
        return;
    }
    faults_init(&faults, &arena);
    if (log_level_read(request->body, &arena, &change, &faults)) {
        log_level_apply(&change, "http", clock_monotonic_ms());
        admin_get_log_level(calls, request, answer);
    } else {
        write_problem(answer, STATUS_INVALID, "errors lists what is wrong", &faults);
    }
    arena_fini(&arena);
}

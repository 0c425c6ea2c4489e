#include "tests/support/case_run.h"

#include <stdlib.h>

#include "shared/analyzers/run_analyzers.h"
#include "shared/context/special_ranges.h"
#include "shared/explain/facts_read.h"

enum { DEADLINE_MS = 50, NS_PER_MS = 1000000, QUEUE_WAIT_MS = 2 };

static const int64_t received_at_ms = INT64_C(1795232094123);

struct steady_clock {
    int64_t now_ns;
    int64_t step_ns;
};

static int64_t steady_clock_read(void *arg) {
    struct steady_clock *clock = arg;
    return clock->now_ns += clock->step_ns;
}

static struct text dump(const json_t *json, struct arena *arena) {
    char *text = json_dumps(json, JSON_COMPACT);
    struct text copy = text == NULL ? TEXT_LITERAL("null") : arena_copy(arena, text_of(text));
    free(text);
    return copy;
}

static bool read_signal(const json_t *json, struct arena *arena, struct signal *signal,
                        struct case_report *report) {
    struct faults faults;
    faults_init(&faults, arena);
    if (signal_read(dump(json, arena), received_at_ms, arena, signal, &faults) == STATUS_OK)
        return true;
    for (unsigned i = 0; i < faults.count; i++)
        case_fault(report, "signal%.*s: %.*s", (int)faults.rows[i].pointer.len, faults.rows[i].pointer.at,
                   (int)faults.rows[i].detail.len, faults.rows[i].detail.at);
    return false;
}

/* A case may not tell of a range that is not the address's. */
static bool range_is_true(const struct signal *signal, const struct facts *facts,
                          struct case_report *report) {
    struct range_fact range = special_range_find(&signal->source_ip);
    if (text_equal(text_of(range.cidr), text_of(facts->range.cidr)))
        return true;
    case_fault(report, "facts/range: the address lies in %s", range.cidr == NULL ? "none" : range.cidr);
    return false;
}

static bool read_facts(const json_t *json, struct arena *arena, const struct signal *signal,
                       struct facts *facts, struct case_report *report) {
    const char *why = NULL;
    if (facts_read_tree(json, arena, facts, &why))
        return range_is_true(signal, facts, report);
    case_fault(report, "facts: %s", why);
    return false;
}

static bool has_only_known(const json_t *row, struct case_report *report) {
    static const char *const names[] = {"name", "signal", "facts", "expect", "clock_step_ms"};
    const char *name;
    json_t *value;
    size_t known = 0;
    json_object_foreach((json_t *)row, name, value) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            known += strcmp(name, names[i]) == 0;
    }
    if (known == json_object_size(row) && json_object_size(json_object_get(row, "expect")) > 0)
        return true;
    case_fault(report, "a case has name, signal, facts, expect and perhaps clock_step_ms");
    return false;
}

static void analyze(double step_ms, struct arena *arena, struct analysis *analysis) {
    struct steady_clock steady = {NS_PER_MS, step_ms > 0 ? (int64_t)(step_ms * NS_PER_MS) : 1000};
    struct run_clock clock = {steady_clock_read, &steady, NS_PER_MS};
    run_agents(agent_rows, DEADLINE_MS, &clock, arena, analysis);
    run_analyzers(&clock, arena, analysis);
}

static json_t *body_of(const struct analysis *analysis) {
    struct buffer body = BUFFER_EMPTY;
    analysis_write(&body, analysis);
    json_t *json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    buffer_fini(&body);
    return json;
}

json_t *case_run(const json_t *row, struct arena *arena, struct analysis *analysis,
                 struct case_report *report) {
    struct signal *signal = arena_take(arena, sizeof(*signal));
    struct facts *facts = arena_take(arena, sizeof(*facts));
    const char *name = json_string_value(json_object_get(row, "name"));
    report->name = name == NULL ? "a case without a name" : name;
    if (!has_only_known(row, report) || !read_signal(json_object_get(row, "signal"), arena, signal, report) ||
        !read_facts(json_object_get(row, "facts"), arena, signal, facts, report))
        return NULL;
    *analysis = (struct analysis){.signal = signal,
                                  .facts = facts,
                                  .created_at_ms = received_at_ms,
                                  .measured.queue_wait_ms = QUEUE_WAIT_MS};
    analyze(json_number_value(json_object_get(row, "clock_step_ms")), arena, analysis);
    json_t *body = body_of(analysis);
    if (body == NULL)
        case_fault(report, "the analysis is no JSON");
    else
        case_match(json_object_get(row, "expect"), body, report);
    return body;
}

#include <stdio.h>

#include "tests/support/analysis_checks.h"

enum { WHOLE = 0, MILLI = 3, STEPS = 4, NEUTRAL_MILLI = 500, MOST_MILLI = 1000 };

static char told[160];

#define FAIL(...) (snprintf(told, sizeof(told), __VA_ARGS__), told)

static bool units_at(const struct json_nodes *body, unsigned node, int decimals, int64_t *units) {
    return node != 0 && body->at[node].kind == VALUE_NUMBER &&
           json_number_units(body->at[node].text, decimals, units);
}

/* Of `member` in each element; an array that is not there sums to 0. */
static bool sum_of(const struct json_nodes *body, unsigned array, const char *member, int decimals,
                   int64_t *sum) {
    int64_t units;
    *sum = 0;
    for (unsigned i = array + 1; array != 0 && i < body->at[array].next; i = body->at[i].next) {
        if (!units_at(body, json_nodes_member(body, i, text_of(member)), decimals, &units))
            return false;
        *sum += units;
    }
    return true;
}

static const char *check_scores(const struct json_nodes *body) {
    int64_t points, risk, impacts, score;
    if (!sum_of(body, json_nodes_find(body, "risk_factors"), "points", WHOLE, &points) ||
        !units_at(body, json_nodes_find(body, "risk_score"), WHOLE, &risk) || points != risk)
        return FAIL("the points as written do not sum to the risk score");
    unsigned fp = json_nodes_find(body, "false_positive_score");
    if (!sum_of(body, json_nodes_member(body, fp, text_of("indicators")), "impact", MILLI, &impacts) ||
        !units_at(body, json_nodes_member(body, fp, text_of("score")), MILLI, &score))
        return FAIL("an impact or the score has more than three decimals");
    impacts += NEUTRAL_MILLI;
    impacts = impacts < 0 ? 0 : impacts > MOST_MILLI ? MOST_MILLI : impacts;
    return impacts == score ? NULL : FAIL("the impacts as written give %d, not %d", (int)impacts, (int)score);
}

static const char *check_durations(const struct json_nodes *body) {
    unsigned timeline = json_nodes_find(body, "investigation_timeline");
    unsigned phases = json_nodes_member(body, timeline, text_of("phase_breakdown"));
    int64_t sum = 0, units, duration, total;
    for (unsigned i = phases + 1; i < body->at[phases].next; i = body->at[i].next) {
        if (!units_at(body, i, STEPS, &units))
            return FAIL("a phase has more than four decimals");
        sum += units;
    }
    if (!units_at(body, json_nodes_member(body, timeline, text_of("duration_ms")), STEPS, &duration) ||
        !units_at(body, json_nodes_find(body, "total_processing_time_ms"), STEPS, &total))
        return FAIL("a duration has more than four decimals");
    return sum == duration && sum == total ? NULL : FAIL("the phases as written do not sum to the duration");
}

/* Times of one format: their order is that of the texts. */
static bool is_before(struct text a, struct text b) {
    return a.len == b.len && memcmp(a.at, b.at, a.len) < 0;
}

static const char *check_order(const struct json_nodes *body) {
    unsigned timeline = json_nodes_find(body, "investigation_timeline");
    unsigned events = json_nodes_member(body, timeline, text_of("events"));
    struct text before = body->at[json_nodes_member(body, timeline, text_of("start_time"))].text;
    for (unsigned i = events + 1; i < body->at[events].next; i = body->at[i].next) {
        struct text at = body->at[json_nodes_member(body, i, text_of("timestamp"))].text;
        if (is_before(at, before))
            return FAIL("an event as written comes before the one before");
        before = at;
    }
    struct text end = body->at[json_nodes_member(body, timeline, text_of("end_time"))].text;
    return is_before(end, before) ? FAIL("an event as written comes after the end") : NULL;
}

const char *body_check(const struct json_nodes *body) {
    const char *wrong = check_scores(body);
    if (wrong == NULL)
        wrong = check_durations(body);
    return wrong != NULL ? wrong : check_order(body);
}

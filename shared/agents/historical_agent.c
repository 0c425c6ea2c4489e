#include "shared/agents/agents.h"
#include "shared/agents/judged_cases.h"
#include "shared/agents/phrase.h"
#include "shared/base/rfc3339.h"

enum { ADDRESS_CASES_MAX = 2, NAMED_CASES_MAX = 3, DATE_LENGTH = 10 };

static const double confidence_of_none = 0.70, confidence_for_each = 0.02;

static void name_case(const struct history_case *named, const char *because, struct arena *arena,
                      struct agent_report *report) {
    const char *severity = named->severity == SEVERITY_NONE
                               ? "severity unknown"
                               : vocabulary_word(&vocabulary_severity, (int)named->severity);
    report->key_findings[report->finding_count++] =
        arena_printf(arena, "%s: %s, %s (%s)", named->id, severity,
                     vocabulary_word(&vocabulary_verdict, (int)named->verdict), because);
}

static bool holds(const struct history *history, const struct history_case *wanted) {
    for (unsigned i = 0; i < history->recent_count; i++)
        if (strcmp(history->recent[i].id, wanted->id) == 0)
            return true;
    return false;
}

/* The newest of a scope; a case of both scopes is named with the first. */
static void name_scope(const struct history *history, const struct history *named_before, const char *because,
                       unsigned most, struct arena *arena, struct agent_report *report) {
    for (unsigned i = 0; i < history->recent_count && report->finding_count < most; i++)
        if (named_before == NULL || !holds(named_before, &history->recent[i]))
            name_case(&history->recent[i], because, arena, report);
}

static void name_cases(const struct facts *facts, struct arena *arena, struct agent_report *report) {
    name_scope(&facts->address_history, NULL, "same address", ADDRESS_CASES_MAX, arena, report);
    name_scope(&facts->customer_history, &facts->address_history, "same customer and type", NAMED_CASES_MAX,
               arena, report);
}

static struct text tell_customer(const struct history *customer, struct arena *arena) {
    char first[RFC3339_LENGTH], last[RFC3339_LENGTH];
    if (customer->total == 0)
        return TEXT_LITERAL("first case of this customer and type");
    rfc3339_write(customer->first_ms, first);
    rfc3339_write(customer->last_ms, last);
    if (memcmp(first, last, DATE_LENGTH) == 0)
        return arena_printf(arena, "%llu case%s of this customer and type on %.*s",
                            (unsigned long long)customer->total, customer->total == 1 ? "" : "s", DATE_LENGTH,
                            first);
    return arena_printf(arena, "%llu cases of this customer and type, %.*s to %.*s",
                        (unsigned long long)customer->total, DATE_LENGTH, first, DATE_LENGTH, last);
}

static struct text tell_scope(const struct history *history, const char *scope, struct arena *arena) {
    if (history->total == 0)
        return TEXT_NONE;
    return arena_printf(arena, "%llu of this %s", (unsigned long long)history->total, scope);
}

static struct text tell_judged(const struct judged_cases *cases, struct arena *arena) {
    unsigned long long falsely = cases->false_positives, really = cases->true_positives;
    if (cases->scope == NULL)
        return TEXT_LITERAL("none judged");
    return arena_printf(arena, "%llu of %llu judged for the %s were false (%.0f %%)", falsely,
                        falsely + really, cases->scope, 100 * judged_cases_fp_rate(cases));
}

static bool analyze(const struct signal *signal, const struct facts *facts, struct arena *arena,
                    struct agent_report *report) {
    (void)signal;
    if (!facts->history_available) {
        report->unavailable_because = TEXT_LITERAL("history could not be read");
        return false;
    }
    struct judged_cases cases = judged_cases_find(facts);
    double judged = (double)cases.false_positives + (double)cases.true_positives;
    report->confidence = confidence_of_none + confidence_for_each * judged;
    const struct text parts[] = {
        tell_customer(&facts->customer_history, arena), tell_scope(&facts->address_history, "address", arena),
        tell_scope(&facts->agent_history, "user agent", arena), tell_judged(&cases, arena)};
    report->analysis = phrase_join(arena, parts, sizeof(parts) / sizeof(parts[0]), "; ");
    name_cases(facts, arena, report);
    return true;
}

const struct agent_row agent_historical = {AGENT_HISTORICAL, "historical", 0.70, 0.90, analyze};

#include <stdio.h>

#include "shared/agents/agents.h"
#include "shared/agents/phrase.h"
#include "shared/agents/volume.h"

enum { SLA_LINE_MAX = 160 };

static struct text tell_volume(const struct volume *volume, const struct customer_facts *customer,
                               struct arena *arena) {
    char rate[VOLUME_NUMBER_MAX], ratio[VOLUME_NUMBER_MAX];
    const char *per_minute = volume_number(volume->per_minute, rate);
    if (volume->limit == 0)
        return arena_printf(arena, "%s requests/min, no limit known", per_minute);
    bool over = volume->ratio >= 1;
    return arena_printf(arena, "%s requests/min is %s %s the limit of %lld (%s%s)", per_minute,
                        volume_number(over ? volume->ratio : 100 * volume->ratio, ratio),
                        over ? "times" : "% of", (long long)volume->limit,
                        volume->limit_is_default ? vocabulary_word(&vocabulary_tier, (int)customer->tier)
                                                 : "customer record",
                        volume->limit_is_default ? " tier" : "");
}

static struct text tell_policy(const struct customer_facts *customer) {
    if (!customer->known)
        return TEXT_LITERAL("no customer record, so nothing may be blocked automatically");
    return customer->auto_block ? TEXT_LITERAL("auto-block on") : TEXT_LITERAL("auto-block off");
}

static struct text tell_sla(const struct customer_facts *customer, struct arena *arena) {
    char line[SLA_LINE_MAX];
    int len = 0;
    for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--)
        if (customer->sla_minutes[severity] > 0)
            len += snprintf(line + len, sizeof(line) - (size_t)len, " %s %lld min,",
                            vocabulary_word(&vocabulary_severity, severity),
                            (long long)customer->sla_minutes[severity]);
    return len == 0 ? TEXT_NONE : arena_printf(arena, "SLA agreed:%.*s", len - 1, line);
}

static void add_finding(struct agent_report *report, struct text finding) {
    if (finding.at != NULL)
        report->key_findings[report->finding_count++] = finding;
}

static double confidence_of(const struct customer_facts *customer) {
    return !customer->known ? 0.85 : customer->limit_is_default ? 0.90 : 0.95;
}

static bool analyze(const struct signal *signal, const struct facts *facts, struct arena *arena,
                    struct agent_report *report) {
    if (!facts->context_available) {
        report->unavailable_because = TEXT_LITERAL("customer records are not loaded");
        return false;
    }
    const struct customer_facts *customer = &facts->customer;
    struct volume volume = volume_measure(signal, facts);
    struct text parts[] = {tell_volume(&volume, customer, arena), tell_policy(customer)};
    report->analysis = phrase_join(arena, parts, 2, "; ");
    report->confidence = confidence_of(customer);
    if (customer->allowlisted_by.at != NULL)
        add_finding(report, arena_printf(arena, "allowlisted by %.*s: may not be blocked",
                                         PHRASE(customer->allowlisted_by)));
    add_finding(report, tell_sla(customer, arena));
    if (volume.ratio >= 1)
        report->recommendations[report->recommendation_count++] = TEXT_LITERAL("enforce the limit");
    return true;
}

const struct agent_row agent_config = {AGENT_CONFIG, "config", 0.85, 0.95, analyze};

#include "shared/agents/agents.h"
#include "shared/agents/infra_strength.h"
#include "shared/agents/phrase.h"

static const char *const effect[] = {
    [INFRA_EXPLAINS_NOTHING] = "does not explain",
    [INFRA_EXPLAINS_WEAKLY] = "may explain",
    [INFRA_EXPLAINS_WELL] = "explains",
};

static struct text tell_event(const struct infra_fact *event, const struct signal *signal,
                              struct arena *arena) {
    enum infra_strength strength = infra_strength_of(event->kind, signal->threat_type);
    return arena_printf(arena, "%s \"%.*s\" (%.*s, %s) %s %s",
                        vocabulary_word(&vocabulary_infra_kind, (int)event->kind), PHRASE(event->title),
                        PHRASE(event->id), event->global ? "all customers" : "this customer",
                        effect[strength], vocabulary_word(&vocabulary_threat_type, (int)signal->threat_type));
}

static double confidence_of(const struct infra_fact *event, const struct signal *signal) {
    if (event == NULL)
        return 0.60;
    bool covers =
        event->starts_at_ms <= signal->detected_at_ms && signal->detected_at_ms <= event->ends_at_ms;
    bool well = infra_strength_of(event->kind, signal->threat_type) == INFRA_EXPLAINS_WELL;
    return 0.65 + (covers ? 0.10 : 0) + (well ? 0.05 : 0);
}

static bool analyze(const struct signal *signal, const struct facts *facts, struct arena *arena,
                    struct agent_report *report) {
    if (!facts->context_available) {
        report->unavailable_because = TEXT_LITERAL("infra events are not loaded");
        return false;
    }
    const struct infra_fact *strongest = infra_strongest(facts, signal->threat_type);
    const struct infra_fact *told = strongest != NULL ? strongest : facts->infra;
    report->confidence = confidence_of(strongest, signal);
    if (facts->infra_count == 0) {
        report->analysis = TEXT_LITERAL("No infra event from 60 min before to 5 min after.");
        return true;
    }
    report->analysis = tell_event(told, signal, arena);
    for (unsigned i = 0; i < facts->infra_count && report->finding_count < FINDINGS_MAX; i++)
        if (&facts->infra[i] != told)
            report->key_findings[report->finding_count++] = tell_event(&facts->infra[i], signal, arena);
    if (strongest != NULL)
        report->recommendations[report->recommendation_count++] =
            TEXT_LITERAL("ask the owner of the event before acting");
    return true;
}

const struct agent_row agent_devops = {AGENT_DEVOPS, "devops", 0.60, 0.80, analyze};

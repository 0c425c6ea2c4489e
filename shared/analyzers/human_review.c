#include "shared/agents/phrase.h"
#include "shared/analyzers/analyzers.h"

static void add(struct analysis *analysis, struct text reason) {
    analysis->review_reasons[analysis->review_reason_count++] = reason;
}

static void name_silent_agents(struct arena *arena, struct analysis *analysis) {
    struct text names[AGENT_COUNT];
    unsigned count = 0;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        if (!analysis->agents[agent].available)
            names[count++] = text_of(vocabulary_word(&vocabulary_agent, agent));
    if (count == 0)
        return;
    struct text silent = phrase_join(arena, names, count, ", ");
    add(analysis, arena_printf(arena, "no answer of agent %.*s", (int)silent.len, silent.at));
}

static const struct response_action *find_unapproved(const struct response_plan *plan) {
    if (plan->primary.requires_approval)
        return &plan->primary;
    for (unsigned i = 0; i < plan->secondary_count; i++)
        if (plan->secondary[i].requires_approval)
            return &plan->secondary[i];
    return NULL;
}

void human_review_decide(struct arena *arena, struct analysis *analysis) {
    const struct response_action *unapproved = find_unapproved(&analysis->plan);
    analysis->review_reason_count = 0;
    if (analysis->fp.recommendation == RECOMMEND_NEEDS_REVIEW)
        add(analysis, TEXT_LITERAL("score is inconclusive"));
    if (analysis->severity == SEVERITY_CRITICAL)
        add(analysis, TEXT_LITERAL("severity is critical"));
    name_silent_agents(arena, analysis);
    if (unapproved != NULL)
        add(analysis, arena_printf(arena, "%s needs approval",
                                   vocabulary_word(&vocabulary_action_type, (int)unapproved->action_type)));
    analysis->requires_human_review = analysis->review_reason_count > 0;
}

#include <math.h>

#include "shared/agents/judged_cases.h"
#include "shared/analyzers/analyzers.h"
#include "shared/analyzers/evidence.h"

enum { CLEAR_DIRECTION_MILLI = 50 };

/* How sure the agents are strengthens what the rest says, and never turns it. */
static void judge_agents(struct evidence *in) {
    double sum = 0;
    int speaking = 0, direction = in->tally.sum_milli;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        if (evidence_agent_spoke(in, (enum agent)agent)) {
            sum += in->analysis->agents[agent].confidence;
            speaking++;
        }
    if (speaking == 0 || (direction < CLEAR_DIRECTION_MILLI && direction > -CLEAR_DIRECTION_MILLI))
        return;
    double mean = sum / speaking;
    int milli = (int)lround((mean - 0.5) * 200 * speaking / AGENT_COUNT);
    if (milli > 0)
        fp_tally_add(&in->tally, FP_AGENT_CONFIDENCE, direction > 0 ? milli : -milli, "agents' confidence",
                     arena_printf(in->arena, "agents %.2f sure", mean));
}

static double confidence_of(const struct evidence *in, const struct judged_cases *cases) {
    double confidence = 0.95;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        confidence -= evidence_agent_spoke(in, (enum agent)agent) ? 0 : 0.10;
    confidence -= cases->scope == NULL ? 0.10 : 0;
    confidence -= in->facts->intel_lists == 0 ? 0.10 : 0;
    confidence -= in->volume.limit == 0 ? 0.05 : 0;
    confidence -= in->signal->raw_data.at == NULL ? 0.05 : 0;
    return fmax(confidence, 0.10);
}

static void tell_similar(const struct judged_cases *cases, struct fp_score *fp) {
    fp->historical_fp_rate = judged_cases_fp_rate(cases);
    fp->similar_resolved_as_fp = cases->false_positives;
    fp->similar_resolved_as_real = cases->true_positives;
}

void false_positive_score(struct arena *arena, struct analysis *analysis) {
    struct evidence in = {
        .signal = analysis->signal, .facts = analysis->facts, .analysis = analysis, .arena = arena};
    raw_data_read(in.signal, &in.raw);
    in.volume = volume_measure(in.signal, in.facts);
    fp_tally_init(&in.tally, &analysis->fp);
    evidence_of_source(&in);
    evidence_of_requests(&in);
    evidence_of_history(&in);
    judge_agents(&in);
    struct judged_cases cases =
        evidence_agent_spoke(&in, AGENT_HISTORICAL) ? judged_cases_find(in.facts) : (struct judged_cases){0};
    analysis->fp.confidence = confidence_of(&in, &cases);
    tell_similar(&cases, &analysis->fp);
    fp_tally_close(&in.tally, arena);
}

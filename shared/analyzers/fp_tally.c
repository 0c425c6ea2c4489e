#include "shared/analyzers/fp_tally.h"

enum { NEUTRAL_MILLI = 500, LIKELY_FP_MILLI = 700, LIKELY_REAL_MILLI = 300 };

void fp_tally_init(struct fp_tally *tally, struct fp_score *fp) {
    *tally = (struct fp_tally){.fp = fp};
    fp->indicator_count = 0;
}

int fp_tally_bound(enum fp_category category) {
    static const int bounds[FP_CATEGORY_COUNT] = {
        [FP_USER_AGENT] = 200, [FP_IP_REPUTATION] = 300,    [FP_REQUEST_PATTERN] = 150,
        [FP_HISTORY] = 200,    [FP_AGENT_CONFIDENCE] = 150,
    };
    return bounds[category];
}

void fp_tally_add(struct fp_tally *tally, enum fp_category category, int impact_milli, const char *label,
                  struct text indicator) {
    struct fp_score *fp = tally->fp;
    int bound = fp_tally_bound(category), sum = tally->category_milli[category];
    int most = bound - sum, least = -bound - sum;
    int impact = impact_milli > most ? most : impact_milli < least ? least : impact_milli;
    if (fp->indicator_count == FP_INDICATORS_MAX || (impact == 0 && impact_milli != 0))
        return;
    tally->category_milli[category] += impact;
    tally->sum_milli += impact;
    tally->labels[fp->indicator_count] = label;
    tally->impacts_milli[fp->indicator_count] = impact;
    fp->indicators[fp->indicator_count++] = (struct fp_indicator){indicator, impact / 1000.0, category};
}

/* The label of the strongest impact in the direction of `sign`; NULL when nothing points there. */
static const char *strongest(const struct fp_tally *tally, int sign) {
    const char *label = NULL;
    int most = 0;
    for (unsigned i = 0; i < tally->fp->indicator_count; i++)
        if (tally->impacts_milli[i] * sign > most) {
            most = tally->impacts_milli[i] * sign;
            label = tally->labels[i];
        }
    return label;
}

static struct text explain(const struct fp_tally *tally, struct arena *arena) {
    const char *false_by = strongest(tally, 1), *real_by = strongest(tally, -1);
    if (false_by != NULL && real_by != NULL)
        return arena_printf(arena, "For a false positive: %s; for a real threat: %s.", false_by, real_by);
    if (false_by != NULL)
        return arena_printf(arena, "For a false positive: %s; for a real threat: nothing.", false_by);
    if (real_by != NULL)
        return arena_printf(arena, "For a real threat: %s; for a false positive: nothing.", real_by);
    return TEXT_LITERAL("Nothing known speaks for either.");
}

void fp_tally_close(const struct fp_tally *tally, struct arena *arena) {
    struct fp_score *fp = tally->fp;
    int milli = NEUTRAL_MILLI + tally->sum_milli;
    milli = milli < 0 ? 0 : milli > 1000 ? 1000 : milli;
    fp->score = milli / 1000.0;
    fp->recommendation = milli >= LIKELY_FP_MILLI     ? RECOMMEND_LIKELY_FP
                         : milli <= LIKELY_REAL_MILLI ? RECOMMEND_LIKELY_REAL
                                                      : RECOMMEND_NEEDS_REVIEW;
    fp->explanation = explain(tally, arena);
}

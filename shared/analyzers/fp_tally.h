/* Collects the indicators of a false-positive score so that what is listed sums to the score: whole
 * thousandths inside, and where a category would pass its bound the last impact is cut. */
#ifndef SOC_FP_TALLY_H
#define SOC_FP_TALLY_H

#include "shared/model/analysis.h"

struct fp_tally {
    struct fp_score *fp;
    int category_milli[FP_CATEGORY_COUNT];
    int sum_milli;
    const char *labels[FP_INDICATORS_MAX]; /* two or three words for the explanation */
    int impacts_milli[FP_INDICATORS_MAX];
};

void fp_tally_init(struct fp_tally *tally, struct fp_score *fp);

/* The bound of a category, in thousandths, both ways. */
int fp_tally_bound(enum fp_category category);

/* An impact of 0 lists what is told but proves nothing. An impact of which the bound leaves nothing is not
 * listed. `label` must outlive the tally. */
void fp_tally_add(struct fp_tally *tally, enum fp_category category, int impact_milli, const char *label,
                  struct text indicator);

/* Fills score, recommendation and explanation. */
void fp_tally_close(const struct fp_tally *tally, struct arena *arena);

#endif

/* The similar cases that analysts have judged: of this customer and type, else of this address, else of this
 * user agent; the first of these that has any. */
#ifndef SOC_JUDGED_CASES_H
#define SOC_JUDGED_CASES_H

#include "shared/model/facts.h"

struct judged_cases {
    const char *scope; /* "customer", "address", "user agent"; NULL: nothing is judged */
    uint64_t false_positives;
    uint64_t true_positives;
};

struct judged_cases judged_cases_find(const struct facts *facts);

static inline double judged_cases_fp_rate(const struct judged_cases *cases) {
    double judged = (double)cases->false_positives + (double)cases->true_positives;
    return judged > 0 ? (double)cases->false_positives / judged : -1;
}

#endif

/* Why a case is closed with its verdict: the words that an analyst picks from, each with its `verdict_id` of
 * OCSF (Open Cybersecurity Schema Framework, profile incident, 1.8.0). */
#ifndef SOC_MODEL_CLOSING_REASON_H
#define SOC_MODEL_CLOSING_REASON_H

#include "shared/model/vocabulary.h"

enum closing_reason {
    REASON_FALSE_POSITIVE,
    REASON_TRUE_POSITIVE,
    REASON_DISREGARD,
    REASON_SUSPICIOUS,
    REASON_BENIGN,
    REASON_TEST,
    REASON_INSUFFICIENT_DATA,
    REASON_SECURITY_RISK,
    REASON_MANAGED_EXTERNALLY,
    REASON_DUPLICATE,
    REASON_OTHER,
    CLOSING_REASON_COUNT
};

struct closing_reason_row {
    int ocsf_verdict_id;
    enum verdict verdict; /* the only one it goes with; VERDICT_NONE: with either */
};

const struct closing_reason_row *closing_reason_row(enum closing_reason reason);
bool closing_reason_fits(enum closing_reason reason, enum verdict verdict);

/* The verdict's own word. `verdict` is not VERDICT_NONE. */
enum closing_reason closing_reason_default(enum verdict verdict);

#endif

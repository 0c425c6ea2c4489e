#include "shared/model/closing_reason.h"

#include <stdlib.h>

static const struct closing_reason_row rows[CLOSING_REASON_COUNT] = {
    [REASON_FALSE_POSITIVE] = {1, VERDICT_FALSE_POSITIVE},
    [REASON_TRUE_POSITIVE] = {2, VERDICT_TRUE_POSITIVE},
    [REASON_DISREGARD] = {3, VERDICT_FALSE_POSITIVE},
    [REASON_SUSPICIOUS] = {4, VERDICT_TRUE_POSITIVE},
    [REASON_BENIGN] = {5, VERDICT_FALSE_POSITIVE},
    [REASON_TEST] = {6, VERDICT_FALSE_POSITIVE},
    [REASON_INSUFFICIENT_DATA] = {7, VERDICT_NONE},
    [REASON_SECURITY_RISK] = {8, VERDICT_TRUE_POSITIVE},
    [REASON_MANAGED_EXTERNALLY] = {9, VERDICT_TRUE_POSITIVE},
    [REASON_DUPLICATE] = {10, VERDICT_NONE},
    [REASON_OTHER] = {99, VERDICT_NONE},
};

const struct closing_reason_row *closing_reason_row(enum closing_reason reason) {
    if ((unsigned)reason >= CLOSING_REASON_COUNT)
        abort();
    return &rows[reason];
}

bool closing_reason_fits(enum closing_reason reason, enum verdict verdict) {
    enum verdict only = closing_reason_row(reason)->verdict;
    return only == VERDICT_NONE || only == verdict;
}

enum closing_reason closing_reason_default(enum verdict verdict) {
    if (verdict == VERDICT_NONE)
        abort();
    return verdict == VERDICT_FALSE_POSITIVE ? REASON_FALSE_POSITIVE : REASON_TRUE_POSITIVE;
}

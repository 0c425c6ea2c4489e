#include <math.h>

#include "shared/analyzers/evidence.h"

enum { JUDGED_FOR_FULL_WEIGHT = 4, RECURRING_OFTEN = 3 };

/* In thousandths, when all that is judged was judged alike, and often enough. */
enum { ADDRESS_MILLI = 200, CUSTOMER_MILLI = 100, USER_AGENT_MILLI = 100 };

static void judge_verdicts(struct evidence *in, const struct history *history, const char *scope,
                           int most_milli) {
    double falsely = (double)history->false_positives, really = (double)history->true_positives;
    double judged = falsely + really, weight = fmax(judged, JUDGED_FOR_FULL_WEIGHT);
    if (judged == 0)
        return;
    fp_tally_add(&in->tally, FP_HISTORY, (int)(most_milli * (falsely - really) / weight),
                 "analysts' verdicts",
                 arena_printf(in->arena, "%s: %.0f of %.0f judged false", scope, falsely, judged));
}

/* Whoever comes back to try again is no accident, unless analysts said that he was. */
static void judge_recurrence(struct evidence *in) {
    const struct history *address = &in->facts->address_history;
    if (address->total == 0 || volume_matters(in->signal->threat_type) ||
        address->false_positives > address->true_positives)
        return;
    fp_tally_add(
        &in->tally, FP_HISTORY, address->total >= RECURRING_OFTEN ? -100 : -50, "recurring address",
        arena_printf(in->arena, "earlier cases of the address: %llu", (unsigned long long)address->total));
}

void evidence_of_history(struct evidence *in) {
    if (!evidence_agent_spoke(in, AGENT_HISTORICAL)) {
        evidence_add_plain(in, FP_HISTORY, 0, "history is missing");
        return;
    }
    judge_verdicts(in, &in->facts->address_history, "address", ADDRESS_MILLI);
    judge_verdicts(in, &in->facts->customer_history, "customer", CUSTOMER_MILLI);
    judge_verdicts(in, &in->facts->agent_history, "user agent", USER_AGENT_MILLI);
    judge_recurrence(in);
}

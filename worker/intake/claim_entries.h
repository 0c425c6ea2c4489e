/* Finishes what dead workers left. What one worker had is taken in small batches. An entry that two had
 * without a result is a suspect: a worker stops reading, lets what it holds be committed, and takes one
 * suspect into its empty hands, so that a poisonous one takes no neighbours with it. One worker of the fleet
 * at a time does that; the others go on with the rest. */
#ifndef SOC_WORKER_CLAIM_ENTRIES_H
#define SOC_WORKER_CLAIM_ENTRIES_H

#include "worker/intake/intake.h"

struct rescue;

struct rescue *rescue_new(struct intake *intake);
void rescue_free(struct rescue *rescue);
const struct script *claim_script(void);

/* The next entries of the next dead owner, if none are in hand; after each look. */
void rescue_tend(struct rescue *rescue);

/* A threat left our hands; `claimed`: one that was taken over. */
void rescue_entry_done(struct rescue *rescue, bool claimed);

/* Keeps a quarantine. */
void rescue_tick(struct rescue *rescue, int64_t now_ms);

/* Nothing new is read meanwhile. */
bool rescue_is_quarantined(const struct rescue *rescue);

/* Is a claim still under way? Its reply may bring entries. */
bool rescue_is_claiming(const struct rescue *rescue);

#endif

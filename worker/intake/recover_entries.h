/* After a lost connection: entries that Redis delivered to us in a reply that never came. They are pending
 * under our name, we are alive, so nobody else takes them: we ask for what is pending for us, and hand back
 * what we do not hold, uncharged, for any worker's next look. New entries are read only when that is done. */
#ifndef SOC_WORKER_RECOVER_ENTRIES_H
#define SOC_WORKER_RECOVER_ENTRIES_H

#include "worker/intake/intake.h"

struct recovery;

struct recovery *recovery_new(struct intake *intake);
void recovery_free(struct recovery *recovery);

/* The reader's connection is new, or more is pending for us than we hold. */
void recovery_begin(struct recovery *recovery);
bool recovery_is_done(const struct recovery *recovery);
void recovery_tick(struct recovery *recovery);

#endif

/* Hands entries back for immediate redelivery: to a consumer that does not exist, with a delivery count as if
 * they had not been read. Any worker's next look finds them. */
#ifndef SOC_WORKER_RELEASE_ENTRIES_H
#define SOC_WORKER_RELEASE_ENTRIES_H

#include "worker/intake/intake.h"

/* `deliveries` counts the one that is undone. */
void release_entry(struct intake *intake, struct text entry, unsigned deliveries);

/* Everything still in our hands, when the drain has run out of time. */
void release_all(struct intake *intake);

#endif

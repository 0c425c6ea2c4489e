/* Hands entries back for redelivery, many at once: to a consumer that does not exist, with a delivery count
 * as if they had not been read. What goes to RELEASED_CONSUMER any worker's next look finds; what goes to a
 * holder of newer entries waits there for a worker that understands them. */
#ifndef SOC_WORKER_RELEASE_ENTRIES_H
#define SOC_WORKER_RELEASE_ENTRIES_H

#include "worker/intake/intake.h"

const struct script *release_script(void);

/* Hands one over, with the others of this flush. `deliveries` counts the one that is undone. */
void release_entry(const struct intake *intake, const char *holder, struct text entry, unsigned deliveries);
void release_flush(const struct intake *intake);

/* Everything still in our hands, when the drain has run out of time. */
void release_all(const struct intake *intake);

#endif

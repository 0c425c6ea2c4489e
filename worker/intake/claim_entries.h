/* Finishes what dead workers left. Every worker counts its own heartbeat up in threats:workers and watches
 * the others'; a counter that did not move over enough of our own successful looks belongs to a dead worker.
 * Our looks are the clock: when Redis itself stands still nobody grows old, and clock steps do not matter.
 *
 * What one worker had is taken in small batches; an entry that two had without a result is taken alone, so
 * that a poisonous one takes no neighbours with it. */
#ifndef SOC_WORKER_CLAIM_ENTRIES_H
#define SOC_WORKER_CLAIM_ENTRIES_H

#include "worker/intake/intake.h"

struct rescue;

struct rescue *rescue_new(struct intake *intake);
void rescue_free(struct rescue *rescue);

/* claim_entries and remove_consumer, for link_open. */
enum { RESCUE_SCRIPTS = 2 };
const struct script *const *rescue_scripts(void);

/* Heartbeat, looks at the others, trimming: each when it is due. */
void rescue_tick(struct rescue *rescue, int64_t now_ms);

/* A claimed entry is through: the next may be taken. */
void rescue_entry_done(struct rescue *rescue);

/* Our consumer leaves the group, if nothing is pending for it. `done` is called once Redis has answered, or
 * at once. */
void rescue_leave(struct rescue *rescue, void (*done)(void *arg), void *arg);

#endif

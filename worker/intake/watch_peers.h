/* Who lives. Every worker counts its own heartbeat up in threats:workers and watches the others'; a counter
 * that did not move over enough of our own successful looks belongs to a dead worker. Our looks are the
 * clock: when Redis itself stands still nobody grows old, and clock steps do not matter.
 *
 * After each look claim_entries.h tends what the dead hold. Dead workers that hold nothing leave the group:
 * bounded steps, under a lease, by one worker of the fleet. */
#ifndef SOC_WORKER_WATCH_PEERS_H
#define SOC_WORKER_WATCH_PEERS_H

#include "worker/intake/intake.h"
#include "worker/intake/peers.h"

struct watch;

struct watch *watch_new(struct intake *intake);
void watch_free(struct watch *watch);

/* reap_consumers and leave_group, for link_open. */
enum { WATCH_SCRIPTS = 3 };
const struct script *const *watch_scripts(void);

/* Heartbeat, looks at the others, reaping: each when it is due. */
void watch_tick(struct watch *watch, int64_t now_ms);

/* As the last look left them. */
const struct peers *watch_peers(const struct watch *watch);

/* May what it holds be taken? True of dead workers, of what was handed back, and of what waits for workers of
 * our version. */
bool watch_is_dead(const struct watch *watch, const struct peer *peer);

/* Our consumer leaves the group, if nothing is pending for it. `done` is called once Redis has answered, or
 * at once. */
void watch_leave(struct watch *watch, void (*done)(void *arg), void *arg);

#endif

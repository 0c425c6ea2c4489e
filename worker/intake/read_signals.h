/* Door: entries of threats:stream come in through the consumer group; with their signal parsed and their
 * facts gathered they go on to agents/run_agents.h. Entries that cannot be read are buried here.
 *
 * Only as many as there are free slots are read; the histories of one batch are read with one MGET. */
#ifndef SOC_WORKER_READ_SIGNALS_H
#define SOC_WORKER_READ_SIGNALS_H

#include "worker/intake/intake.h"

struct reading;

/* The script that makes the group, for link_open. */
const struct script *create_group_script(void);

struct reading *reading_new(struct intake *intake);
void reading_free(struct reading *reading);

/* Asks for entries when there is room and nothing is asked yet. */
void read_signals(struct reading *reading);

/* Group's existence, histories that are late, reads that failed. */
void reading_tick(struct reading *reading, int64_t now_ms);

/* Gets the blocked read to return, so that neither a drain nor a quarantine need wait for it. */
void reading_stop(struct reading *reading);

/* Is a read still under way? Its reply may bring entries. */
bool reading_is_asking(const struct reading *reading);

enum taken_how { TAKEN_NEW, TAKEN_OVER, TAKEN_ALONE /* a suspect, taken over into empty hands */ };

/* One entry as Redis gave it (fields nil: it was deleted), delivered for the `deliveries`-th time. False: it
 * was buried or left to newer workers, of whom release_flush has to tell Redis. */
bool read_entry(struct reading *reading, struct text id, const redisReply *fields, unsigned deliveries,
                enum taken_how how);

#endif

/* The other consumers of the group, as one's own looks saw them: who beats, who holds entries. Any number. */
#ifndef SOC_WORKER_PEERS_H
#define SOC_WORKER_PEERS_H

#include "shared/base/text.h"

enum { HEARTBEAT_TEXT_MAX = 24 };

struct peer {
    struct peer *next;                  /* in its bucket */
    char heartbeat[HEARTBEAT_TEXT_MAX]; /* "" when it has none */
    unsigned unchanged;                 /* looks in a row */
    long long pending;
    bool seen, beats; /* in the look under way */
    char name[];
};

struct peers;

struct peers *peers_new(void);
void peers_free(struct peers *peers);

/* A look: begin, then what beats, then who holds entries, then end, which forgets whom the look has not seen.
 */
void peers_begin_look(struct peers *peers);
void peers_note_heartbeat(struct peers *peers, struct text name, struct text heartbeat);
void peers_note_pending(struct peers *peers, struct text name, long long pending);
void peers_end_look(struct peers *peers);

/* One after the other, in no order; NULL begins and ends. */
struct peer *peers_next(const struct peers *peers, const struct peer *after);
struct peer *peers_find(const struct peers *peers, struct text name);

#endif

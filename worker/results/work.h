/* One threat in a worker's hands, from the entry that was read to the acknowledged result. Slots are pooled:
 * their memory is kept for the next threat. The state names who holds the slot. */
#ifndef SOC_WORKER_WORK_H
#define SOC_WORKER_WORK_H

#include "shared/base/uuid.h"
#include "shared/model/analysis.h"
#include "shared/redis/stream_id.h"
#include "shared/telemetry/trace_context.h"

enum { ENTRY_ID_MAX = 48 };

enum work_state {
    WORK_FREE,      /* in the pool */
    WORK_GATHERING, /* its history is being read */
    WORK_READY,     /* analysed, waits for the next commit */
    WORK_COMMITTING /* in a commit script that is under way */
};

struct work {
    enum work_state state;
    struct work *next; /* in the list of its state */

    char entry[ENTRY_ID_MAX]; /* stream id */
    struct stream_id entry_id;
    unsigned deliveries;
    bool claimed; /* taken over from another consumer */
    bool alone;   /* a suspect: nothing else is in our hands */

    struct trace_context trace;          /* of the span analyze_threat of this delivery */
    uint8_t trace_parent[SPAN_ID_BYTES]; /* the span that the entry carries; all zero: none */

    struct arena arena; /* of signal and facts */
    struct uuid id;
    struct signal signal;
    struct facts facts;
    int64_t received_at_ms; /* API's wall clock */
    int64_t taken_at_ms;    /* wall clock when it was read here */
    int64_t taken_at_ns;    /* the same, monotonic */

    struct buffer signal_json; /* as it stood in the entry */
    struct buffer body;        /* the analysis */
    struct buffer row;         /* log row */
    struct buffer history_case;
    enum severity severity;
    unsigned fp_milli;
    bool requires_review;
    bool late; /* more than half of the plan's response time was gone when it was analysed */
    unsigned char actions[ACTION_TYPE_COUNT]; /* of the plan, by type */
    double phase_seconds[PHASE_COUNT];
    struct measured measured;
    unsigned unavailable; /* agents, a bit for each */
    int64_t ready_at_ns;
    unsigned failed_commits;
};

struct work_pool;

struct work_pool *work_pool_new(unsigned slots);
void work_pool_free(struct work_pool *pool);
/* Slots that are neither in use nor reserved for entries that were asked for. */
unsigned work_pool_available(const struct work_pool *pool);
void work_pool_reserve(struct work_pool *pool, unsigned slots);
void work_pool_unreserve(struct work_pool *pool, unsigned slots);
unsigned work_pool_slots(const struct work_pool *pool);
unsigned work_pool_in_use(const struct work_pool *pool);

/* Is the entry with this stream id in our hands? */
bool work_pool_holds(const struct work_pool *pool, struct text entry);

/* The slot at `index`, below work_pool_slots, in any state: for a drain that ran out of time. */
const struct work *work_pool_peek(const struct work_pool *pool, unsigned index);

/* NULL when all slots are in use. */
struct work *work_take(struct work_pool *pool);
void work_give_back(struct work_pool *pool, struct work *work);

/* Reads "ms-sequence" into both forms of the entry; false when it is no stream id. */
bool work_set_entry(struct work *work, struct text id);

#endif

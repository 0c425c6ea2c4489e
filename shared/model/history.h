/* What a customer (per threat type), an address or a user agent did before, and how it was judged. Kept in
 * Redis as one small text per scope, `history:customer:{id}:{type}`, `history:address:{ip}`,
 * `history:agent:{hash}`, so that a worker reads all three scopes of many threats with one MGET and the
 * completion script (worker/results/commit_analysis.lua) adds a case without parsing JSON:
 *
 *     total false_positives true_positives first_ms last_ms
 *     |id created_ms type severity fp_milli verdict     (newest first, at most HISTORY_RECENT_MAX)
 *
 * joined without line ends, severity `-` when it was never analysed:
 * `12 3 1 1763696000123 1763699999000|0199… 1763699999000 bot_traffic high 312 none|…` */
#ifndef SOC_MODEL_HISTORY_H
#define SOC_MODEL_HISTORY_H

#include <stdint.h>

#include "shared/base/buffer.h"
#include "shared/base/uuid.h"
#include "shared/model/vocabulary.h"

enum { HISTORY_RECENT_MAX = 5 };

struct history_case {
    char id[UUID_LENGTH];
    int64_t created_at_ms;
    enum threat_type threat_type;
    enum severity severity;
    unsigned fp_milli; /* false-positive score, in thousandths */
    enum verdict verdict;
};

struct history {
    uint64_t total;
    uint64_t false_positives; /* judged so by analysts */
    uint64_t true_positives;
    int64_t first_ms;
    int64_t last_ms;
    struct history_case recent[HISTORY_RECENT_MAX]; /* newest first */
    unsigned recent_count;
};

/* Empty text is an empty history. False when the text is not one of ours: history is then empty. */
bool history_read(struct text text, struct history *history);
void history_write(struct buffer *out, const struct history *history);

/* Adds a case at the front, as the completion script does; a test holds the two together. first_ms and
 * last_ms are the least and the greatest created_at: threats may be completed out of order. */
void history_add(struct history *history, const struct history_case *added);

/* Leaves only the judged ones among the recent cases. */
void history_keep_judged(struct history *history);

#endif

/* What a customer (per threat type), an address or a user agent did before, and how it was judged. Kept in
 * Redis as one small text per scope, `history:customer:{id}:{type}`, `history:address:{ip}`,
 * `history:agent:{hash}`, so that a worker reads all three scopes of many threats with one MGET and the
 * completion script (worker/results/commit_analysis.lua) adds a case without parsing JSON:
 *
 *     total false_positives true_positives first_ms last_ms
 *     |id created_ms type severity fp_milli verdict     (newest first, at most HISTORY_RECENT_MAX)
 *
 * joined without line ends, severity `-` when it was never told:
 * `12 3 1 1763696000123 1763699999000|0199… 1763699999000 bot_traffic high 312 none|…` */
#ifndef SOC_MODEL_HISTORY_H
#define SOC_MODEL_HISTORY_H

#include <stdint.h>

#include "shared/base/buffer.h"
#include "shared/model/vocabulary.h"

enum { HISTORY_RECENT_MAX = 5, HISTORY_CASE_ID_MAX = 64 };

struct history_case {
    char id[HISTORY_CASE_ID_MAX + 1]; /* a threat's UUID or an incident's name; see history_case_set_id */
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

/* False, and nothing set, unless the id is 1 to HISTORY_CASE_ID_MAX of A-Z a-z 0-9 . _ : - */
bool history_case_set_id(struct history_case *named, struct text id);

/* One case as it stands in the text behind its bar. */
void history_case_write(struct buffer *out, const struct history_case *written);

/* Counts a case and puts it among the recent ones by its time, as the completion script does; a test holds
 * the two together. Of more than HISTORY_RECENT_MAX the oldest unjudged one goes, of judged ones the oldest.
 * first_ms and last_ms are the least and the greatest created_at: threats may be completed out of order. */
void history_add(struct history *history, const struct history_case *added);

/* The case, counted before under `before`, is judged as it says now (VERDICT_NONE: not any more), as
 * api/threats/judge_case.lua does; a test holds the two together. A judged case that is not among the recent
 * ones comes among them. */
void history_judge(struct history *history, const struct history_case *judged, enum verdict before);

/* Leaves only the judged ones among the recent cases; the second keeps an unjudged one that
 * is the only case there ever was. */
void history_keep_judged(struct history *history);
void history_keep_judged_or_only(struct history *history);

#endif

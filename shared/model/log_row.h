/* One row of threats:log: what happened to a threat, with all that lists show and filter by. In Redis it is
 * three fields, `kind`, `id` and `row`; row is one line, blank-separated, the free text last:
 *
 *     created_ms completed_ms type severity status review risk fp_milli verdict ip agent customer_id
 * customer_name 1763696000123 1763696000131 bot_traffic high completed 1 72 312 none 203.0.113.7
 * 0123456789abcdef acme Acme Inc
 *
 * `completed_ms` is 0 and severity `-` before the analysis; `agent` is the user agent's hash in hex, `-` for
 * none. An `expired` row has an empty `row`. kind + id + row + the field names stay within LOG_ROW_MAX bytes:
 * customer_name gets what is left when every field that changes in a threat's life has its longest spelling,
 * so that all rows of a threat carry the same name, and is cut at a character. */
#ifndef SOC_MODEL_LOG_ROW_H
#define SOC_MODEL_LOG_ROW_H

#include <stdint.h>

#include "shared/base/address.h"
#include "shared/base/buffer.h"
#include "shared/base/uuid.h"
#include "shared/model/signal.h"

enum { LOG_ROW_MAX = 300, LOG_ROW_RISK_MAX = 100, LOG_ROW_FP_MILLI_MAX = 1000 };

struct log_row {
    enum event_kind kind;
    struct uuid id;
    int64_t created_at_ms;
    int64_t completed_at_ms; /* 0: not yet */
    enum threat_type threat_type;
    enum severity severity; /* SEVERITY_NONE before the analysis */
    enum threat_status status;
    bool requires_review;
    unsigned risk_score; /* at most LOG_ROW_RISK_MAX */
    unsigned fp_milli;   /* at most LOG_ROW_FP_MILLI_MAX */
    enum verdict verdict;
    struct address source_ip;
    uint64_t agent_hash;       /* 0: no user agent */
    struct text customer_id;   /* borrowed */
    struct text customer_name; /* borrowed */
};

/* Appends the `row` field's value. Times are at least 0. */
void log_row_write(struct buffer *out, const struct log_row *row);

/* Reads the three field values; texts borrow from `line`. False when they are not ours; `row` is then as it
 * was. Of an `expired` row only kind and id are set. */
bool log_row_read(struct text kind, struct text id, struct text line, struct log_row *row);

/* The hash that stands for a user agent in rows and history keys; never 0 for a present one, 0 for none. */
uint64_t log_row_agent_hash(struct text user_agent);

/* A row with what the signal itself says: not analysed, pending, no verdict. Texts borrow from the signal. */
struct log_row log_row_of_signal(enum event_kind kind, const struct uuid *id, int64_t created_at_ms,
                                 const struct signal *signal);

#endif

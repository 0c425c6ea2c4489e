/* May signals be taken? Two limits: what may be outstanding, and how full Redis may be. The second lets go
 * only some percent below, so that it does not flutter. */
#ifndef SOC_API_ADMISSION_H
#define SOC_API_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/buffer.h"
#include "shared/base/status.h"

enum { MEMORY_RELIEF_PERCENT = 5 };

struct admission {
    int64_t outstanding_limit;
    int64_t memory_limit_percent;
    int64_t outstanding;  /* as of the last sample */
    int64_t taken;        /* by this process, since that sample was asked for */
    int64_t taken_before; /* of `taken`, before the sample under way was asked for */
    int64_t used, max;    /* Redis' memory in bytes; max 0: no limit */
    bool memory_full;
};

void admission_init(struct admission *admission, int64_t outstanding_limit, int64_t memory_limit_percent);

/* A sample is asked for; and its figures are there. What was taken between counts on top of them. */
void admission_ask(struct admission *admission);
void admission_learn(struct admission *admission, int64_t outstanding);
void admission_learn_memory(struct admission *admission, int64_t used, int64_t max);

/* A signal is on the stream. */
void admission_count(struct admission *admission);

/* Redis said OOM: full, whatever the last sample was. */
void admission_note_full(struct admission *admission);

/* STATUS_OK, STATUS_OVERLOADED (too much is outstanding) or STATUS_NO_MEMORY. */
enum status admission_judge(const struct admission *admission);

/* Why signals are refused, in words and figures for who sent one; nothing when they are taken. */
void admission_explain(const struct admission *admission, struct buffer *out);

/* Of Redis' limit, rounded down; -1 when it has none. */
int admission_memory_percent(const struct admission *admission);

#endif

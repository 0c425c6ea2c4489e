/* The body of a verdict call, and the verdict as it is stored beside the analysis and shown with it. */
#ifndef SOC_API_VERDICT_REQUEST_H
#define SOC_API_VERDICT_REQUEST_H

#include "shared/base/buffer.h"
#include "shared/base/status.h"
#include "shared/model/closing_reason.h"
#include "shared/model/fault.h"

enum { VERDICT_BODY_MAX = 32 * 1024, VERDICT_NOTE_MAX = 2000, VERDICT_ANALYST_MAX = 128 };

/* Texts borrow from the JSON and the arena; at == NULL: none. */
struct verdict_request {
    enum verdict verdict; /* VERDICT_NONE: the word is taken back */
    int reason;           /* enum closing_reason; only with a verdict */
    struct text note;
    struct text analyst;
    bool automated;
};

/* STATUS_INVALID: every fault is in `faults`, which names the arena. */
enum status verdict_request_read(struct text json, struct verdict_request *request, struct faults *faults);

/* The stored object in two pieces: the time comes last, so that the same word is told by the first one. Both
 * stay empty when the word is taken back. */
void verdict_request_write(const struct verdict_request *request, int64_t now_ms, struct buffer *head,
                           struct buffer *end);

#endif

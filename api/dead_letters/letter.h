/* A dead letter, as worker/results writes it into threats:dead: what could not be analysed, why, and how far
 * it came. */
#ifndef SOC_API_LETTER_H
#define SOC_API_LETTER_H

#include "shared/base/arena.h"
#include "shared/base/uuid.h"
#include "shared/json/writer.h"
#include "shared/model/signal.h"
#include "shared/redis/reply.h"

enum { LETTER_ID_MAX = 48, LETTER_TEXT_MAX = 4096 };

/* Texts borrow from the reply; at == NULL: the letter has no such field. */
struct letter {
    struct text id; /* its own stream id */
    struct text reason, stage, detail, entry, signal, received_at;
    unsigned long long deliveries, at_ms, signal_bytes;
    bool has_threat;
    struct uuid threat;
};

/* "ms-sequence", short enough for one. */
bool letter_id_fits(struct text id);

/* One element of XRANGE's reply; false when it is none. */
bool letter_read(const redisReply *element, struct letter *letter);

/* The signal as an object when it is JSON, else as text, cut at LETTER_TEXT_MAX bytes. */
void letter_write(struct writer *writer, const struct letter *letter);

/* Can it be put on the stream again? Texts of the signal borrow from letter and arena. */
bool letter_is_replayable(const struct letter *letter, struct arena *arena, struct signal *signal,
                          int64_t *received_at_ms);

#endif

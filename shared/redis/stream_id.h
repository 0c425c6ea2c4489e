/* The id of a stream's entry, "ms-sequence". */
#ifndef SOC_REDIS_STREAM_ID_H
#define SOC_REDIS_STREAM_ID_H

#include <stdint.h>

#include "shared/base/text.h"

struct stream_id {
    uint64_t ms, sequence;
};

/* Both parts, digits only; false otherwise. */
bool stream_id_parse(struct text text, struct stream_id *id);

static inline bool stream_id_is_before(struct stream_id a, struct stream_id b) {
    return a.ms != b.ms ? a.ms < b.ms : a.sequence < b.sequence;
}

static inline bool stream_id_equal(struct stream_id a, struct stream_id b) {
    return a.ms == b.ms && a.sequence == b.sequence;
}

#endif

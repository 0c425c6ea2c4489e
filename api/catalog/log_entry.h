/* One entry of threats:log as Redis tells it, in XREAD, XRANGE or a script. */
#ifndef SOC_API_LOG_ENTRY_H
#define SOC_API_LOG_ENTRY_H

#include "shared/model/log_row.h"
#include "shared/redis/reply.h"
#include "shared/redis/stream_id.h"

enum { LOG_POSITION_TEXT_MAX = 48 };

struct log_entry {
    struct stream_id position;
    uint64_t hash;      /* of kind, id and row as they are stored */
    bool readable;      /* it is a row of ours; else `row` is not set */
    bool again;         /* a row that was written before, repeated for those who start to read: no event */
    struct log_row row; /* its texts borrow from the reply */
};

/* False when the reply is no entry at all. */
bool log_entry_read(const redisReply *reply, struct log_entry *entry);

/* A position as Redis spells it. */
void log_position_write(struct stream_id position, char out[LOG_POSITION_TEXT_MAX]);

#endif

/* What a client on /ws may say, read without the client: ping, subscribe, resume (schemas/events.json). */
#ifndef SOC_API_READ_MESSAGE_H
#define SOC_API_READ_MESSAGE_H

#include "api/catalog/query.h"
#include "shared/redis/stream_id.h"

enum live_message_kind { MESSAGE_PING, MESSAGE_SUBSCRIBE, MESSAGE_RESUME };

/* Texts live in the arena. */
struct live_message {
    enum live_message_kind kind;
    struct query filter;   /* of subscribe */
    bool filtered;         /* it names a member, be it one that filters nothing */
    struct text shown;     /* the filter as it came, compact JSON */
    struct stream_id last; /* of resume */
};

/* False with a sentence, which lives in the arena, when the text is none of them; `message` is then
 * undefined. */
bool read_message(struct text text, struct arena *arena, struct live_message *message,
                  struct text *complaint);

#endif

/* A customer's record between JSON, as HTTP has it, and the fields of the hash customer:{id}, as workers read
 * it (shared/context/customer_fields.c). */
#ifndef SOC_API_CUSTOMER_JSON_H
#define SOC_API_CUSTOMER_JSON_H

#include "shared/context/customer_records.h"
#include "shared/json/writer.h"
#include "shared/model/fault.h"
#include "shared/redis/reply.h"

enum { CUSTOMER_FIELDS_MAX = 32, CUSTOMER_BODY_MAX = 256 * 1024 };

struct customer_fields {
    struct context_field rows[CUSTOMER_FIELDS_MAX];
    unsigned count;
};

/* True when the JSON keeps every rule; else every fault is told. Texts live in `arena` or in `json`. The
 * member `id` may be there when it is `id`. */
bool customer_json_read(struct text json, struct text id, struct arena *arena, struct customer_fields *fields,
                        struct faults *faults);

/* The fields of an HGETALL's reply, borrowed; how many. */
enum { CUSTOMER_HASH_FIELDS_MAX = 256 };
unsigned customer_fields_of_reply(const redisReply *reply,
                                  struct context_field fields[CUSTOMER_HASH_FIELDS_MAX]);

/* What workers would leave out (a field that outsiders wrote wrong) is left out here too. */
void customer_json_write(struct writer *writer, struct text id, const struct context_field *fields,
                         unsigned count);

#endif

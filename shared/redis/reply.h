/* What a Redis reply means. Replies are borrowed: they die when the callback returns. */
#ifndef SOC_REDIS_REPLY_H
#define SOC_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "shared/base/status.h"
#include "shared/base/text.h"

/* STATUS_OK unless the reply is an error; then by its first word. NULL is STATUS_UNAVAILABLE. */
enum status reply_status(const redisReply *reply);

/* True for errors after which this connection is of no use: it leads to a replica, to a server that is still
 * loading, or to one that does not know who we are, or does not
 * let us do our work. */
bool reply_condemns_link(const redisReply *reply);

/* Of those: nothing changes before an operator does something, so there is no hurry to try again. */
bool reply_is_lasting(const redisReply *reply);

/* The string, status or error text; TEXT_NONE for anything else, nil among them. */
struct text reply_text(const redisReply *reply);

/* The same for logs and operators: Redis repeats the arguments of a command that it does not know, which may
 * be a signal or a password. They are cut off. */
struct text reply_shown(const redisReply *reply);

bool reply_is_array(const redisReply *reply, size_t at_least);
long long reply_integer(const redisReply *reply, long long otherwise);

/* The value behind `name` in a flat array of names and values (XINFO, HGETALL), or NULL. */
const redisReply *reply_field(const redisReply *pairs, const char *name);

#endif

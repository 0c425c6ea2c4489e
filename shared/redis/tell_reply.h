/* An error reply that should not be, in the log: each command's kind of error at most once a second, with how
 * many were left out, so that a wrong that lasts is loud and drowns nothing. */
#ifndef SOC_REDIS_TELL_REPLY_H
#define SOC_REDIS_TELL_REPLY_H

#include "shared/redis/reply.h"

/* `command` is a fixed text that says what was asked. */
void tell_reply(const char *command, const redisReply *reply);

#endif

/* An error reply that should not be, in the log: each command's kind of error at most once a second. */
#ifndef SOC_REDIS_TELL_REPLY_H
#define SOC_REDIS_TELL_REPLY_H

#include "shared/redis/reply.h"

/* `command` is a fixed text that says what was asked. */
void tell_reply(const char *command, const redisReply *reply);

#endif

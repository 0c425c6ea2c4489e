#include "shared/redis/tell_reply.h"

#include "shared/telemetry/log.h"

void tell_reply(const char *command, const redisReply *reply) {
    enum status status = reply_status(reply);
    log_write(status == STATUS_WRONG_TYPE ? LOG_WRONG_TYPE : LOG_REDIS_REPLY, LOG_STRING("command", command),
              LOG_STRING("status", status_name(status)), LOG_TEXT("reply", reply_shown(reply)));
}

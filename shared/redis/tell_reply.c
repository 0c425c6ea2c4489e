#include "shared/redis/tell_reply.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/telemetry/log.h"

enum { TOLD_MAX = 16, QUIET_MS = 1000 };

/* What was told last, by command and kind; the oldest makes room. */
static struct told {
    const char *command;
    enum status status;
    int64_t at_ms;
    int64_t left_out;
} told[TOLD_MAX];

static struct told *find_told(const char *command, enum status status) {
    struct told *oldest = &told[0];
    for (int i = 0; i < TOLD_MAX; i++) {
        if (told[i].command != NULL && strcmp(told[i].command, command) == 0 && told[i].status == status)
            return &told[i];
        if (told[i].at_ms < oldest->at_ms)
            oldest = &told[i];
    }
    *oldest = (struct told){command, status, 0, 0};
    return oldest;
}

void tell_reply(const char *command, const redisReply *reply) {
    int64_t now_ms = clock_monotonic_ms();
    enum status status = reply_status(reply);
    struct told *last = find_told(command, status);
    if (last->at_ms != 0 && now_ms - last->at_ms < QUIET_MS) {
        last->left_out++;
        return;
    }
    log_write(status == STATUS_WRONG_TYPE ? LOG_WRONG_TYPE : LOG_REDIS_REPLY, LOG_STRING("command", command),
              LOG_TEXT("reply", reply_text(reply)), LOG_NUMBER("left_out", last->left_out));
    last->at_ms = now_ms;
    last->left_out = 0;
}

#include "shared/redis/script_call.h"

#include <stdlib.h>

struct script_call {
    struct link *link;
    link_reply on_reply;
    void *arg;
    size_t len;
    char command[];
};

static void on_last(void *arg, enum status status, const redisReply *reply) {
    struct script_call *call = arg;
    call->on_reply(call->arg, status, reply);
    free(call);
}

static void on_first(void *arg, enum status status, const redisReply *reply) {
    struct script_call *call = arg;
    struct text command = {call->command, call->len};
    if (status != STATUS_NO_SCRIPT ||
        link_send(call->link, command, LINK_DEADLINE_MS, on_last, call) != STATUS_OK)
        on_last(call, status, reply);
}

enum status script_call(struct link *link, struct text command, link_reply on_reply, void *arg) {
    struct script_call *call = malloc(sizeof(*call) + command.len);
    if (call == NULL)
        abort();
    *call = (struct script_call){link, on_reply, arg, command.len};
    memcpy(call->command, command.at, command.len);
    enum status status = link_send(link, command, LINK_DEADLINE_MS, on_first, call);
    if (status != STATUS_OK)
        free(call);
    return status;
}

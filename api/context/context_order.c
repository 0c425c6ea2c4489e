#include "api/context/context_order.h"

#include <stdlib.h>

#include "api/context/replace_list.h"
#include "api/threats/api.h"
#include "lua/change_customer_lua.h"
#include "lua/change_infra_lua.h"
#include "shared/redis/customer_ids.h"
#include "shared/redis/script_call.h"

struct order {
    struct exchange *exchange;
    order_answer answer;
    bool changes;
};

static const char nothing_changed[] = "nothing was changed: try again";
static const char unknown[] =
    "the connection broke before the store answered: whether it was changed is not known; send it again";

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct order *order = arg;
    if (status != STATUS_OK)
        exchange_answer_problem(order->exchange, status,
                                !order->changes ? NULL
                                : reply == NULL ? unknown
                                                : nothing_changed);
    else if (order->exchange->req != NULL)
        order->answer(order->exchange, reply);
    exchange_release(order->exchange);
    free(order);
}

void order_send(struct exchange *exchange, struct command *command, bool changes, order_answer answer) {
    const struct api *api = exchange->app;
    struct order *order = malloc(sizeof(*order));
    if (order == NULL)
        abort();
    *order = (struct order){exchange, answer, changes};
    if (script_call(api->commands, command_finish(command), on_reply, order) == STATUS_OK) {
        exchange_hold(exchange);
        return;
    }
    exchange_answer_problem(exchange, STATUS_UNAVAILABLE, changes ? nothing_changed : NULL);
    free(order);
}

const struct script *change_customer_script(void) {
    static struct script script;
    return script_once(&script, change_customer_lua);
}

const struct script *change_infra_script(void) {
    static struct script script;
    return script_once(&script, change_infra_lua);
}

int context_scripts(const struct script **scripts) {
    scripts[0] = change_customer_script();
    scripts[1] = change_infra_script();
    scripts[2] = replace_list_script();
    scripts[3] = gather_entries_script();
    scripts[4] = customer_ids_script();
    return 5;
}

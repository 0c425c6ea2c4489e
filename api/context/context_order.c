#include "api/context/context_order.h"

#include <stdlib.h>

#include "api/context/replace_list.h"
#include "api/threats/api.h"
#include "lua/change_customer_lua.h"
#include "lua/change_infra_lua.h"

struct order {
    struct exchange *exchange;
    struct link *link;
    order_answer answer;
    bool changes, again;
    size_t len;
    char command[];
};

static const char nothing_changed[] = "nothing was changed: try again";
static const char unknown[] =
    "the connection broke before the store answered: whether it was changed is not known; send it again";

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct order *order = arg;
    struct text command = {order->command, order->len};
    if (status == STATUS_NO_SCRIPT && !order->again) {
        order->again = true;
        if (link_send(order->link, command, LINK_DEADLINE_MS, on_reply, order) == STATUS_OK)
            return;
    }
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
    struct text bytes = command_finish(command);
    struct order *order = malloc(sizeof(*order) + bytes.len);
    if (order == NULL)
        abort();
    *order = (struct order){exchange, api->commands, answer, changes, false, bytes.len};
    memcpy(order->command, bytes.at, bytes.len);
    if (link_send(api->commands, bytes, LINK_DEADLINE_MS, on_reply, order) == STATUS_OK) {
        exchange_hold(exchange);
        return;
    }
    exchange_answer_problem(exchange, STATUS_UNAVAILABLE, changes ? nothing_changed : NULL);
    free(order);
}

static bool is_type(struct text value, const char *type) {
    size_t len = 0;
    while (len < value.len && value.at[len] != ';' && value.at[len] != ' ')
        len++;
    return text_equal_ignoring_case((struct text){value.at, len}, text_of(type));
}

bool context_body_is_acceptable(struct exchange *exchange, const char *content_type, size_t body_max,
                                const char *too_large) {
    struct text type = exchange_header(exchange, "content-type");
    if (!is_type(type, content_type)) {
        exchange_answer_problem(exchange, STATUS_UNSUPPORTED_TYPE,
                                type.at == NULL ? "a Content-Type is required" : NULL);
        return false;
    }
    if (exchange_body(exchange).len > body_max) {
        exchange_answer_problem(exchange, STATUS_TOO_LARGE, too_large);
        return false;
    }
    return true;
}

void answer_bad_parameters(struct exchange *exchange, struct faults *faults) {
    for (unsigned i = 0; i < faults->count; i++) {
        struct text *name = &faults->rows[i].pointer;
        if (name->len > 0 && name->at[0] == '/')
            *name = (struct text){name->at + 1, name->len - 1};
    }
    exchange_answer_faults(exchange, faults, "parameter");
}

void answer_bad_parameter(struct exchange *exchange, const char *parameter, const char *detail) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct text name = text_of(parameter);
    faults_init(&faults, &arena);
    faults_add(&faults, &name, "%s", detail);
    answer_bad_parameters(exchange, &faults);
    arena_fini(&arena);
}

static const struct script *once(struct script *script, const char *text) {
    if (script->text == NULL)
        script_init(script, text);
    return script;
}

const struct script *change_customer_script(void) {
    static struct script script;
    return once(&script, change_customer_lua);
}

const struct script *change_infra_script(void) {
    static struct script script;
    return once(&script, change_infra_lua);
}

int context_scripts(const struct script **scripts) {
    scripts[0] = change_customer_script();
    scripts[1] = change_infra_script();
    scripts[2] = replace_list_script();
    scripts[3] = gather_entries_script();
    return 4;
}

/* One command to Redis whose reply becomes the answer to an exchange. */
#ifndef SOC_API_CONTEXT_ORDER_H
#define SOC_API_CONTEXT_ORDER_H

#include "api/http/exchange.h"
#include "shared/redis/command.h"
#include "shared/redis/reply.h"
#include "shared/redis/script.h"

struct api;

/* Is called with a reply that is no error, while the client is still there. */
typedef void (*order_answer)(struct exchange *exchange, const redisReply *reply);

/* Borrows `command`, which is finished here; holds the exchange. Any status but STATUS_OK is answered as its
 * problem. A script that Redis has lost is sent again. `changes`: the command writes. */
void order_send(struct exchange *exchange, struct command *command, bool changes, order_answer answer);

/* The scripts of this folder, for link_open: writes at most CONTEXT_SCRIPTS_MAX rows, returns how many. */
enum { CONTEXT_SCRIPTS_MAX = 5 };
int context_scripts(const struct script **scripts);

const struct script *change_customer_script(void);
const struct script *change_infra_script(void);

#endif

/* A call of a script that survives Redis losing its scripts (SCRIPT FLUSH, a failover): it is sent a second
 * time, behind the SCRIPT LOAD that the link sends then. Nothing of a call is done before NOSCRIPT. */
#ifndef SOC_REDIS_SCRIPT_CALL_H
#define SOC_REDIS_SCRIPT_CALL_H

#include "shared/redis/link.h"

/* As link_send, with LINK_DEADLINE_MS for each of the two; the command is copied. on_reply is called once. */
enum status script_call(struct link *link, struct text command, link_reply on_reply, void *arg);

#endif

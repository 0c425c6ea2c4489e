/* The newest threats, for a client that has just come or must start over. Clients without a filter share one
 * batch, be they ten thousand. */
#ifndef SOC_API_NEWEST_BATCH_H
#define SOC_API_NEWEST_BATCH_H

#include "api/live/client.h"

/* The client gets a batch, then events again. */
void newest_batch_owe(struct client *client, enum batch_type type);

/* The client no longer wants the one that it is owed. */
void newest_batch_cancel(struct client *client);

/* Gives what can be given and asks for the rest: when the log was read, and every now and then. */
void newest_batch_retry(struct hub *hub);

/* The last batch is of the past. */
void newest_batch_forget(struct hub *hub);

#endif

/* A client that was away goes on where it left: from the ring, from pages of threats:log until the ring is
 * reached, or, when its last row is no row of the log or lies too far back, with a reset. */
#ifndef SOC_API_RESUME_CLIENT_H
#define SOC_API_RESUME_CLIENT_H

#include "api/live/client.h"

/* Everything behind the row `last`. */
void client_resume(struct client *client, struct stream_id last);

/* Fills what the page of a resuming client has; turns the page when it is at its end. Returns how many. */
unsigned resume_fill(struct client *client, struct websocket_piece *pieces, unsigned max, size_t *bytes);

/* Gives page and place in the queue back. */
void resume_forget(struct client *client);

/* A page has come (NULL: one has not): for whoever waits. */
void resume_with_page(struct hub *hub, struct log_page *page);

/* Asks again for the pages that are waited for. */
void resume_retry(struct hub *hub);

#endif

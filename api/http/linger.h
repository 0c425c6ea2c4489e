/* A connection that is closed while its peer still sends is reset, and the reset may take the answer away
 * that was sent before (RFC 9112 section 9.6). h2o closes like that after each refusal of its own. */
#ifndef SOC_API_LINGER_H
#define SOC_API_LINGER_H

#include <h2o.h>

/* When the request is over, its connection is half closed, and what still comes is read and thrown away for a
 * while, within bounds. Only for a request after which h2o closes the connection. */
void linger_after(h2o_req_t *req);

#endif

/* The opening handshake of a WebSocket over HTTP/1.1, version 13 (RFC 6455 section 4.2). */
#ifndef SOC_API_HANDSHAKE_H
#define SOC_API_HANDSHAKE_H

#include <h2o.h>

#include "shared/base/status.h"
#include "shared/base/text.h"

/* STATUS_OK and the client's key, borrowed from `req`; STATUS_UPGRADE_REQUIRED when it is not a handshake of
 * version 13; STATUS_MALFORMED when its key is missing, doubled or not 16 bytes in base64. */
enum status handshake_check(const h2o_req_t *req, struct text *key);

/* Puts status 101 and its headers into the response; nothing is sent yet. */
void handshake_respond(h2o_req_t *req, struct text key);

#endif

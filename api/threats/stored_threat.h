/* The stored analysis that the {id} of a request's path means: what verdict and explain work on. */
#ifndef SOC_API_STORED_THREAT_H
#define SOC_API_STORED_THREAT_H

#include "api/threats/api.h"

struct stored_threat {
    struct uuid id;
    struct text data;    /* a completed analysis */
    struct text verdict; /* as stored, or empty */
};

/* Answers 422 and returns false when the {id} of the path is no UUID. */
bool threat_id_of(struct exchange *exchange, struct uuid *id);

/* Gets the analysis and hands it to `handle`, borrowed. When there is none the exchange is answered before:
 * 404, 409 when it is not analysed or was given up, 503; `stored` is then NULL and the exchange not to be
 * touched any more. `handle` is called once in any case, perhaps at once. */
typedef void (*stored_handler)(struct exchange *exchange, void *arg, const struct stored_threat *stored);
void with_stored_threat(struct exchange *exchange, stored_handler handle, void *arg);

#endif

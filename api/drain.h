/* How soc-api ends. On the first signal it turns unready and goes on serving for SOC_DRAIN_DELAY_SECONDS,
 * since who sends it clients needs time to notice. Then nobody new comes in; WebSockets are closed one after
 * the other, what is outstanding is answered. */
#ifndef SOC_API_DRAIN_H
#define SOC_API_DRAIN_H

#include "api/http/server.h"
#include "api/threats/api.h"

struct drain {
    int64_t close_at_ms; /* API_LEAVING ends */
    int64_t busy_ms;     /* API_CLOSING: the last time that somebody was still there */
    int64_t stop_by_ms;  /* API_CLOSING ends, whatever is missing */
};

void drain_begin(struct drain *drain, struct api *api, struct server *server);

/* After every turn of the loop from then on; moves api->stage on, at last to API_DONE. */
void drain_advance(struct drain *drain, struct api *api, struct server *server);

#endif

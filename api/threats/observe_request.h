/* What becomes of a request once it is answered: metrics, and its span. */
#ifndef SOC_API_OBSERVE_REQUEST_H
#define SOC_API_OBSERVE_REQUEST_H

/* Names the routes of api_routes to the metrics, and observes every exchange from now on. */
void observe_requests(void);

#endif

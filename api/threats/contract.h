/* schemas/ as it was built in: what GET /openapi.yaml and GET /schemas/{id} answer. */
#ifndef SOC_API_CONTRACT_H
#define SOC_API_CONTRACT_H

#include "api/http/exchange.h"

void get_openapi(struct exchange *exchange);
void get_schema(struct exchange *exchange);

#endif

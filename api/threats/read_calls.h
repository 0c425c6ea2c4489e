/* The calls that only read: threats, statistics, backlog, health. */
#ifndef SOC_API_READ_CALLS_H
#define SOC_API_READ_CALLS_H

#include "api/http/exchange.h"

void list_threats(struct exchange *exchange);
void get_threat(struct exchange *exchange);
void get_stats(struct exchange *exchange);
void get_backlog(struct exchange *exchange);
void get_health(struct exchange *exchange);
void get_ready(struct exchange *exchange);
void get_metrics(struct exchange *exchange);
void open_websocket(struct exchange *exchange);

#endif

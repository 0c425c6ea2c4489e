/* The calls that fill the context: customers, infra events, threat-intel lists. */
#ifndef SOC_API_CONTEXT_CALLS_H
#define SOC_API_CONTEXT_CALLS_H

#include "api/http/exchange.h"

void list_customers(struct exchange *exchange);
void get_customer(struct exchange *exchange);
void put_customer(struct exchange *exchange);
void delete_customer(struct exchange *exchange);

void list_infra_events(struct exchange *exchange);
void post_infra_events(struct exchange *exchange);
void delete_infra_event(struct exchange *exchange);

void post_indicators(struct exchange *exchange);
void list_indicators(struct exchange *exchange);
void delete_indicators(struct exchange *exchange);
void look_up_address(struct exchange *exchange);

#endif

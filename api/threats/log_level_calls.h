/* The log's level of this process: reading it and changing it. */
#ifndef SOC_API_LOG_LEVEL_CALLS_H
#define SOC_API_LOG_LEVEL_CALLS_H

struct exchange;

void get_log_level(struct exchange *exchange);
void put_log_level(struct exchange *exchange);

#endif

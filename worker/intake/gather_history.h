/* Reads what the agents need from Redis: the histories of all threats that came together, with one MGET. With
 * them a threat goes on to analyze_work.h; without them as well, when they are late or refused: the analysis
 * then says that they are missing. */
#ifndef SOC_WORKER_GATHER_HISTORY_H
#define SOC_WORKER_GATHER_HISTORY_H

#include "worker/intake/intake.h"

struct gatherer;

struct gatherer *gatherer_new(struct intake *intake);
void gatherer_free(struct gatherer *gatherer);

/* Collects a threat whose signal is read; it is asked for by the next gatherer_send, or when many are
 * collected. */
void gather_history(struct gatherer *gatherer, struct work *work);
void gatherer_send(struct gatherer *gatherer);

/* Histories that are late or were lost with the connection. */
void gatherer_tick(struct gatherer *gatherer, int64_t now_ms);

#endif

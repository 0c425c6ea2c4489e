/* The spans of a threat in a worker's hands. They are made when its fate is known, from the times that were
 * measured anyway: so a threat that failed, was slow or was delivered before is traced although nobody had
 * chosen it. */
#ifndef SOC_WORKER_TRACE_WORK_H
#define SOC_WORKER_TRACE_WORK_H

#include "shared/base/status.h"
#include "shared/model/vocabulary.h"
#include "worker/results/work.h"

/* Sets work->trace and work->trace_parent: the trace that the entry carries, else the threat's own. Entry and
 * deliveries are set; the id is, unless it could not be read (all zero). */
void work_join_trace(struct work *work, struct text traceparent);

/* The id of the span analyze_threat of the work's entry at one of its deliveries: every worker derives the
 * same. */
void work_span_id(const struct work *work, unsigned deliveries, uint8_t span_id[SPAN_ID_BYTES]);

/* Redis has answered to its result. */
void trace_work(const struct work *work, enum status status);

/* Its entry was buried before anybody read it: entry, deliveries, id and trace are set. Its last delivery may
 * have a span of its own, by a worker that was only paused: this is another one, linked to it. */
void trace_burial(const struct work *work, enum dead_reason reason);

/* Its entry could not be read. */
void trace_unreadable(const struct work *work, enum dead_reason reason);

#endif

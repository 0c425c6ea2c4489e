/* A past, resolved incident: what another system tells about a case that was closed before this one came, or
 * outside of it. */
#ifndef SOC_API_INCIDENT_H
#define SOC_API_INCIDENT_H

#include "shared/base/buffer.h"
#include "shared/base/status.h"
#include "shared/model/history.h"
#include "shared/model/signal.h"

enum { INCIDENT_NOTE_MAX = 2000, INCIDENT_BODY_MAX = 64 * 1024 };

struct incident {
    struct history_case resolved; /* its time is that of the incident */
    struct text customer_id;
    struct address source_ip;
    struct text user_agent; /* at == NULL: none */
    struct text note;       /* at == NULL: none */
};

/* STATUS_INVALID: every fault is in `faults`. Texts borrow from the JSON and the faults' arena. */
enum status incident_read(struct text json, int64_t now_ms, struct incident *incident, struct faults *faults);

/* The record in two pieces: what of an incident never changes, and the rest. */
void incident_write(const struct incident *incident, struct buffer *head, struct buffer *rest);

/* Says in `faults` in what the incident differs from the one that is stored under its id. */
void incident_tell_difference(const struct incident *incident, struct text stored, struct faults *faults);

#endif

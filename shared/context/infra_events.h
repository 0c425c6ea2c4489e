/* Infra events by customer and time: filled, sealed once, then read by many snapshots. */
#ifndef SOC_CONTEXT_INFRA_EVENTS_H
#define SOC_CONTEXT_INFRA_EVENTS_H

#include <stdatomic.h>

#include "shared/context/context_record.h"

struct infra_event {
    struct text customer_id; /* at == NULL: all customers */
    struct text id;
    struct text title;
    enum infra_kind kind;
    int64_t starts_at_ms, ends_at_ms;
    uint32_t order;  /* in which the events were told */
    uint32_t longer; /* nearest earlier start of this customer that ends later; UINT32_MAX: none */
};

struct infra_events {
    atomic_uint refs;
    struct arena texts;
    size_t text_bytes;
    struct infra_event *events; /* sealed: by customer, then start, then id */
    uint32_t count, room;
};

struct infra_events *infra_events_new(void);
struct infra_events *infra_events_ref(struct infra_events *events);
void infra_events_unref(struct infra_events *events);

void infra_events_read(struct infra_events *events, const struct complainer *to, struct text id,
                       struct text json);

/* Of the events told with the same id the last one stays. */
void infra_events_seal(struct infra_events *events);
size_t infra_events_bytes(const struct infra_events *events);

/* Those that concern the customer and overlap 60 min before to 5 min after detection, newest start first. */
unsigned infra_events_find(const struct infra_events *events, struct text customer_id, int64_t detected_at_ms,
                           struct arena *arena, struct infra_fact found[INFRA_FACTS_MAX]);

#endif

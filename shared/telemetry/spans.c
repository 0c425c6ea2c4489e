#include "shared/telemetry/spans.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/telemetry/export_spans.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum { RING_SLOTS = 4096, INSTANCE_MAX = 96, TELL_EVERY_MS = 10000 };

static struct {
    bool on;
    struct trace_ratio ratio;
    int64_t slow_ns;
    struct span_ring ring;
    struct span_counts counts;
    struct export_state state;
    struct exporter *exporter;
    struct span_resource resource;
    char instance[INSTANCE_MAX];
    double allowance; /* of forced spans */
    int64_t allowed_at_ns;
    int64_t wall_ahead_ns; /* of the monotonic clock, for the group that is claimed */
    uint64_t told_exported, told_lost[SPAN_LOSS_COUNT];
    bool told_down;
    int64_t told_at_ms;
} traces;

static void name_instance(char *name, size_t size) {
    char host[64] = "";
    gethostname(host, sizeof(host) - 1);
    snprintf(name, size, "%.60s-%d", host, (int)getpid());
}

static uint64_t bring_count(_Atomic uint64_t *count, uint64_t *told) {
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed), more = now - *told;
    *told = now;
    return more;
}

static void bring_counts(void) {
    metrics_add(METRIC_SPANS_EXPORTED, 0, 0, bring_count(&traces.counts.exported, &traces.told_exported));
    for (int i = 0; i < SPAN_LOSS_COUNT; i++)
        metrics_add(METRIC_SPANS_DROPPED, i, 0, bring_count(&traces.counts.lost[i], &traces.told_lost[i]));
}

void spans_open(const struct settings *settings) {
    double share;
    if (settings->trace_endpoint[0] == '\0')
        return;
    if (!share_parse(settings->trace_share, &share))
        abort(); /* settings_read has judged it */
    traces.on = true;
    traces.ratio = trace_ratio_of(share);
    traces.slow_ns = settings->trace_slow_ms * 1000000;
    name_instance(traces.instance, sizeof(traces.instance));
    traces.resource = (struct span_resource){settings->service_name, SOC_VERSION, traces.instance};
    span_ring_init(&traces.ring, RING_SLOTS);
    traces.exporter = exporter_open(settings->trace_endpoint, &traces.resource, &traces.ring, &traces.counts,
                                    &traces.state);
}

void spans_close(void) {
    if (!traces.on)
        return;
    traces.on = false;
    exporter_close(traces.exporter);
    bring_counts();
    span_ring_fini(&traces.ring);
}

bool spans_on(void) {
    return traces.on;
}

bool spans_keep(const struct trace_context *context) {
    return trace_ratio_holds(traces.ratio, context);
}

bool spans_is_slow(int64_t duration_ns) {
    return duration_ns > traces.slow_ns;
}

bool spans_force(unsigned count) {
    int64_t now_ns = clock_monotonic_ns();
    traces.allowance += (double)(now_ns - traces.allowed_at_ns) / 1e9 * SPANS_FORCED_PER_S;
    traces.allowed_at_ns = now_ns;
    if (traces.allowance > SPANS_FORCED_PER_S)
        traces.allowance = SPANS_FORCED_PER_S;
    if (traces.allowance < count) {
        atomic_fetch_add(&traces.counts.lost[SPAN_LOSS_EXCESS], count);
        return false;
    }
    traces.allowance -= count;
    return true;
}

bool spans_claim(unsigned count) {
    if (!span_ring_has_room(&traces.ring, count)) {
        atomic_fetch_add(&traces.counts.lost[SPAN_LOSS_QUEUE_FULL], count);
        return false;
    }
    traces.wall_ahead_ns = clock_wall_ns() - clock_monotonic_ns();
    return true;
}

int64_t spans_monotonic_ns(int64_t wall_ns) {
    return wall_ns - traces.wall_ahead_ns;
}

struct span *span_begin(const char *name, enum span_kind kind, const struct trace_context *context,
                        int64_t start_ns, int64_t end_ns) {
    struct span *span = span_ring_claim(&traces.ring);
    span_init(span, name, kind, context, start_ns + traces.wall_ahead_ns, end_ns + traces.wall_ahead_ns);
    return span;
}

void spans_send(void) {
    span_ring_publish(&traces.ring);
}

static void tell_state(int64_t now_ms) {
    const char *reason = atomic_load(&traces.state.reason);
    if ((reason != NULL) == traces.told_down ||
        (reason != NULL && now_ms - traces.told_at_ms < TELL_EVERY_MS))
        return;
    traces.told_down = reason != NULL;
    if (reason == NULL) {
        log_write(LOG_COLLECTOR_UP);
        return;
    }
    traces.told_at_ms = now_ms;
    log_write(LOG_COLLECTOR_DOWN, LOG_STRING("reason", reason),
              LOG_NUMBER("http_status", atomic_load(&traces.state.http_status)));
}

void spans_tick(void) {
    if (!traces.on)
        return;
    bring_counts();
    tell_state(clock_monotonic_ms());
}

#include "shared/telemetry/export_spans.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "shared/base/clock.h"
#include "shared/telemetry/post_spans.h"

/* A batch is offered for at most RETRY_FOR_MS, for so long the ring has to do. */
enum {
    BATCH_MAX = 512,
    POLL_MS = 50,
    LINGER_MS = 500, /* between two batches that are not full */
    ATTEMPT_MS = 10000,
    RETRY_FOR_MS = 30000,
    PAUSE_FIRST_MS = 250,
    PAUSE_MOST_MS = 5000
};

struct exporter {
    pthread_t thread;
    pthread_mutex_t mutex; /* of `stopping` alone; the loop takes it once, at the end */
    pthread_cond_t wake;
    bool stopping;
    _Atomic int64_t stop_by_ms; /* 0: not stopping */
    struct poster *poster;
    const struct span_resource *resource;
    struct span_ring *ring;
    struct span_counts *counts;
    struct export_state *state;
    struct buffer body;
    int64_t exported_at_ms;
};

int64_t export_pause_ms(unsigned attempt, double chance) {
    int64_t pause_ms = PAUSE_FIRST_MS;
    while (--attempt > 0 && pause_ms < PAUSE_MOST_MS)
        pause_ms *= 2;
    if (pause_ms > PAUSE_MOST_MS)
        pause_ms = PAUSE_MOST_MS;
    return pause_ms / 2 + (int64_t)((double)pause_ms / 2 * chance);
}

/* Until the time is over or the end has come. True: go on. */
static bool rest(struct exporter *exporter, int64_t ms) {
    int64_t until_ns = clock_monotonic_ns() + ms * 1000000;
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    pthread_mutex_lock(&exporter->mutex);
    while (!exporter->stopping && pthread_cond_timedwait(&exporter->wake, &exporter->mutex, &until) == 0)
        continue;
    bool stopping = exporter->stopping;
    pthread_mutex_unlock(&exporter->mutex);
    return !stopping;
}

/* For how long may a request take? 0: the time is over. */
static int64_t time_left_ms(struct exporter *exporter) {
    int64_t stop_by_ms = atomic_load(&exporter->stop_by_ms);
    if (stop_by_ms == 0)
        return ATTEMPT_MS;
    int64_t left_ms = stop_by_ms - clock_monotonic_ms();
    return left_ms > 0 ? left_ms : 0;
}

static bool time_is_over(void *arg) {
    return time_left_ms(arg) == 0;
}

static void note_state(struct exporter *exporter, const struct post_result *result) {
    const char *reason = result->http_status == 0 ? result->why : "the collector refuses";
    atomic_store(&exporter->state->http_status, result->http_status);
    atomic_store(&exporter->state->reason, result->outcome == POST_TAKEN ? NULL : reason);
}

static void lose(struct exporter *exporter, enum span_loss why, uint64_t count) {
    atomic_fetch_add(&exporter->counts->lost[why], count);
}

static void settle(struct exporter *exporter, const struct post_result *result, uint64_t count) {
    uint64_t rejected = result->rejected < count ? result->rejected : count;
    if (result->outcome != POST_TAKEN)
        rejected = count;
    atomic_fetch_add(&exporter->counts->exported, count - rejected);
    lose(exporter, SPAN_LOSS_REJECTED, rejected);
}

static void pause_for(struct exporter *exporter, const struct post_result *result, unsigned attempt) {
    int64_t pause_ms = export_pause_ms(attempt, (double)random() / (double)RAND_MAX);
    rest(exporter, result->retry_after_ms > pause_ms ? result->retry_after_ms : pause_ms);
}

static bool is_stopping(struct exporter *exporter) {
    return atomic_load(&exporter->stop_by_ms) != 0;
}

/* At the end there is one attempt, and no more. */
static void deliver(struct exporter *exporter, uint64_t count) {
    int64_t until_ms = clock_monotonic_ms() + RETRY_FOR_MS, left_ms;
    struct post_result result;
    for (unsigned attempt = 1; (left_ms = time_left_ms(exporter)) > 0; attempt++) {
        post_spans(exporter->poster, buffer_text(&exporter->body), left_ms, &result);
        note_state(exporter, &result);
        if (result.outcome != POST_TRY_AGAIN) {
            settle(exporter, &result, count);
            return;
        }
        if (is_stopping(exporter) || clock_monotonic_ms() >= until_ms)
            break;
        pause_for(exporter, &result, attempt);
    }
    lose(exporter, is_stopping(exporter) ? SPAN_LOSS_SHUTDOWN : SPAN_LOSS_UNAVAILABLE, count);
}

/* False: there was nothing. */
static bool export_batch(struct exporter *exporter) {
    uint64_t count = span_ring_count(exporter->ring);
    if (count == 0)
        return false;
    if (count > BATCH_MAX)
        count = BATCH_MAX;
    exporter->exported_at_ms = clock_monotonic_ms();
    buffer_clear(&exporter->body);
    encode_spans(&exporter->body, exporter->resource, exporter->ring, count);
    span_ring_release(exporter->ring, count);
    deliver(exporter, count);
    return true;
}

static bool is_full(struct exporter *exporter) {
    return span_ring_count(exporter->ring) >= BATCH_MAX;
}

static void *run(void *arg) {
    struct exporter *exporter = arg;
    while (is_full(exporter) || rest(exporter, POLL_MS))
        if (is_full(exporter) || clock_monotonic_ms() - exporter->exported_at_ms >= LINGER_MS)
            export_batch(exporter);
    while (time_left_ms(exporter) > 0 && export_batch(exporter))
        continue;
    uint64_t left = span_ring_count(exporter->ring);
    span_ring_release(exporter->ring, left);
    lose(exporter, SPAN_LOSS_SHUTDOWN, left);
    return NULL;
}

/* Signals are for the loop's thread. */
static void start(struct exporter *exporter) {
    sigset_t all, before;
    pthread_condattr_t monotonic;
    sigfillset(&all);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&exporter->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&exporter->mutex, NULL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&exporter->thread, NULL, run, exporter) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct exporter *exporter_open(const char *endpoint, const struct span_resource *resource,
                               struct span_ring *ring, struct span_counts *counts,
                               struct export_state *state) {
    struct exporter *exporter = calloc(1, sizeof(*exporter));
    if (exporter == NULL)
        abort();
    exporter->resource = resource;
    exporter->ring = ring;
    exporter->counts = counts;
    exporter->state = state;
    exporter->poster = poster_new(endpoint, time_is_over, exporter);
    start(exporter);
    return exporter;
}

void exporter_close(struct exporter *exporter) {
    if (exporter == NULL)
        return;
    atomic_store(&exporter->stop_by_ms, clock_monotonic_ms() + EXPORT_FLUSH_MS);
    pthread_mutex_lock(&exporter->mutex);
    exporter->stopping = true;
    pthread_cond_signal(&exporter->wake);
    pthread_mutex_unlock(&exporter->mutex);
    pthread_join(exporter->thread, NULL);
    poster_free(exporter->poster);
    pthread_cond_destroy(&exporter->wake);
    pthread_mutex_destroy(&exporter->mutex);
    buffer_fini(&exporter->body);
    free(exporter);
}

/* What metrics cost: all calls that one threat makes in soc-worker and in soc-api, in ns of CPU, and how long
 * writing the whole exposition takes, each process with every series touched.
 *
 *     metrics_cost [THREATS] */
#include "shared/telemetry/metrics.h"
#include "tests/bench/bench_util.h"
#include "worker/results/observe_work.h"

enum { VARIANTS = 1024, SCRAPES = 200, ROUTES = 48 };

static uint32_t chance(void) {
    static uint64_t state = 0x9e3779b97f4a7c15u;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

/* Times from microseconds to seconds, so that all buckets are met. */
static double random_seconds(void) {
    static const double scales[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1};
    return scales[chance() % 6] * (1 + chance() % 9);
}

static void make_up(struct work *work, struct analysis *analysis) {
    *work = (struct work){.received_at_ms = 1000,
                          .entry_id = {1000 + chance() % 3, 0},
                          .severity = (enum severity)(chance() % SEVERITY_NONE),
                          .fp_milli = chance() % 1001,
                          .requires_review = chance() % 2};
    work->signal.threat_type = (enum threat_type)(chance() % THREAT_TYPE_COUNT);
    for (int i = 0; i < 3; i++)
        work->actions[chance() % ACTION_TYPE_COUNT]++;
    for (int i = 0; i < PHASE_COUNT; i++)
        work->phase_seconds[i] = random_seconds();
    int64_t steps = 0;
    for (int i = 0; i < STATION_COUNT; i++)
        analysis->measured.station[i] = steps += chance() % 100;
    for (int i = 0; i < AGENT_COUNT; i++)
        analysis->agents[i] =
            (struct agent_report){.available = true, .confidence = (chance() % 100) / 100.0};
}

static double worker_ns(long threats) {
    static struct work works[VARIANTS];
    static struct analysis analyses[VARIANTS];
    for (int i = 0; i < VARIANTS; i++)
        make_up(&works[i], &analyses[i]);
    int64_t begin_ns = bench_cpu_ns();
    for (long i = 0; i < threats; i++) {
        observe_analysis(&works[i % VARIANTS], &analyses[i % VARIANTS]);
        observe_result(&works[i % VARIANTS], clock_monotonic_ns());
        metrics_observe(METRIC_COMMIT_BATCH, 0, (double)(i % 64));
    }
    return (double)(bench_cpu_ns() - begin_ns) / (double)threats;
}

/* A request, a signal, a batch of one, and an event for a WebSocket client. */
static double api_ns(long threats) {
    int64_t begin_ns = bench_cpu_ns();
    for (long i = 0; i < threats; i++) {
        int route = (int)(i % ROUTES);
        metrics_add(METRIC_HTTP_REQUESTS, route, metric_status_class(202), 1);
        metrics_observe(METRIC_HTTP_SECONDS, route, (double)(i % 1000) * 1e-5);
        metrics_add(METRIC_SIGNALS_ACCEPTED, (int)(i % THREAT_TYPE_COUNT), 0, 1);
        metrics_observe(METRIC_ENQUEUE_BATCH, 0, (double)(i % 64));
        metrics_add(METRIC_WS_EVENTS, 0, 0, 1);
    }
    return (double)(bench_cpu_ns() - begin_ns) / (double)threats;
}

static double scrape_us(void) {
    struct buffer out = BUFFER_EMPTY;
    int64_t begin_ns = bench_cpu_ns();
    for (int i = 0; i < SCRAPES; i++) {
        buffer_clear(&out);
        metrics_write(&out);
    }
    buffer_fini(&out);
    return (double)(bench_cpu_ns() - begin_ns) / 1e3 / SCRAPES;
}

int main(int argc, char **argv) {
    long threats = argc > 1 ? atol(argv[1]) : 1000000;
    static const char *routes[ROUTES];
    for (int i = 0; i < ROUTES; i++)
        routes[i] = "GET /api/threats/{id}/verdict";
    metrics_init(PROGRAM_WORKER);
    double worker = worker_ns(threats), worker_scrape = scrape_us();
    metrics_init(PROGRAM_API);
    metrics_name_routes(routes, ROUTES);
    double api = api_ns(threats), api_scrape = scrape_us();
    printf("{\"worker_ns\": %.1f, \"api_ns\": %.1f, \"worker_scrape_us\": %.0f, \"api_scrape_us\": %.0f}\n",
           worker, api, worker_scrape, api_scrape);
    return 0;
}

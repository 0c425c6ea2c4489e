#include "api/drain.h"

#include "shared/base/clock.h"
#include "shared/telemetry/log.h"

/* QUIET: a request of somebody who had connected may just be on its way. */
enum { QUIET_MS = 50, STOP_DEADLINE_MS = 10000 };

void drain_begin(struct drain *drain, struct api *api, struct server *server) {
    log_write(LOG_STOPPING, LOG_STRING("reason", "signal"));
    drain->close_at_ms = clock_monotonic_ms() + api->settings->drain_delay_seconds * 1000;
    api->stage = API_LEAVING;
    server_end_keep_alive(server);
}

static void begin_closing(struct drain *drain, struct api *api, struct server *server, int64_t now_ms) {
    log_write(LOG_CLOSING, LOG_NUMBER("requests", exchange_in_progress()),
              LOG_NUMBER("websocket_clients", live_clients(api->live)));
    drain->busy_ms = now_ms;
    drain->stop_by_ms = now_ms + STOP_DEADLINE_MS;
    api->stage = API_CLOSING;
    server_stop_accepting(server);
    live_stop(api->live, now_ms);
}

void drain_advance(struct drain *drain, struct api *api, struct server *server) {
    int64_t now_ms = clock_monotonic_ms();
    if (api->stage == API_LEAVING && now_ms >= drain->close_at_ms)
        begin_closing(drain, api, server, now_ms);
    if (api->stage != API_CLOSING)
        return;
    if (exchange_in_progress() > 0 || live_clients(api->live) > 0)
        drain->busy_ms = now_ms;
    if (now_ms - drain->busy_ms >= QUIET_MS || now_ms > drain->stop_by_ms)
        api->stage = API_DONE;
}

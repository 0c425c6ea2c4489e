#include "api/threats/log_level_calls.h"

#include "api/http/exchange.h"
#include "shared/base/clock.h"
#include "shared/telemetry/log_level.h"

void get_log_level(struct exchange *exchange) {
    struct buffer out = BUFFER_EMPTY;
    log_level_write(&out, clock_monotonic_ms());
    exchange_answer_json(exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

void put_log_level(struct exchange *exchange) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct log_level_change change;
    if (!exchange_body_is_acceptable(exchange, exchange_json_types, LOG_LEVEL_BODY_MAX,
                                     "a log level has at most 1024 bytes"))
        return;
    faults_init(&faults, &arena);
    if (log_level_read(exchange_body(exchange), &arena, &change, &faults)) {
        log_level_apply(&change, "http", clock_monotonic_ms());
        get_log_level(exchange);
    } else {
        exchange_answer_faults(exchange, &faults, "pointer");
    }
    arena_fini(&arena);
}

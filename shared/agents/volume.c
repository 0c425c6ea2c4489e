#include "shared/agents/volume.h"

#include <stdio.h>

struct volume volume_measure(const struct signal *signal, const struct facts *facts) {
    int64_t minutes = signal->time_window_minutes < 1 ? 1 : signal->time_window_minutes;
    struct volume volume = {.per_minute = (double)signal->request_count / (double)minutes};
    if (!facts->context_available || facts->customer.requests_per_minute <= 0)
        return volume;
    volume.limit = facts->customer.requests_per_minute;
    volume.limit_is_default = facts->customer.limit_is_default;
    volume.ratio = volume.per_minute / (double)volume.limit;
    return volume;
}

const char *volume_number(double value, char out[VOLUME_NUMBER_MAX]) {
    if (value > 0 && value < 0.005)
        return "under 0.01";
    long long tenths = (long long)(value * 10 + 0.5);
    if (value >= 0.005 && value < 0.095)
        snprintf(out, VOLUME_NUMBER_MAX, "0.0%lld", (long long)(value * 100 + 0.5));
    else if (value >= 99.95 || tenths % 10 == 0)
        snprintf(out, VOLUME_NUMBER_MAX, "%lld", (long long)(value + 0.5));
    else
        snprintf(out, VOLUME_NUMBER_MAX, "%lld.%lld", tenths / 10, tenths % 10);
    return out;
}

bool volume_matters(enum threat_type type) {
    static const bool matters[THREAT_TYPE_COUNT] = {
        [THREAT_BOT_TRAFFIC] = true,
        [THREAT_DATA_SCRAPING] = true,
        [THREAT_RATE_LIMIT_BREACH] = true,
        [THREAT_ANOMALY_DETECTION] = true,
    };
    return matters[type];
}

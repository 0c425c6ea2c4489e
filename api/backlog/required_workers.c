#include "api/backlog/required_workers.h"

#include <math.h>

static const double busy_at_most = 0.7; /* of a worker's time, to keep up with what arrives */
static const double smoothing_seconds = 10;

void required_workers_init(struct required_workers *required, int64_t worker_rate, int64_t drain_seconds) {
    *required = (struct required_workers){.worker_rate = worker_rate, .drain_seconds = drain_seconds};
}

void required_workers_forget(struct required_workers *required) {
    required->at_ms = 0;
    required->arrivals_per_s = 0;
}

static void learn_arrivals(struct required_workers *required, const struct backlog_sample *sample) {
    double seconds = (double)(sample->now_ms - required->at_ms) / 1000;
    int64_t arrived = sample->received - required->received;
    if (seconds == 0)
        return;
    if (required->at_ms == 0 || seconds < 0 || arrived < 0) {
        required_workers_forget(required);
    } else {
        double weight = 1 - exp(-seconds / smoothing_seconds);
        required->arrivals_per_s += weight * ((double)arrived / seconds - required->arrivals_per_s);
    }
    required->received = sample->received;
    required->at_ms = sample->now_ms;
}

int64_t required_workers_learn(struct required_workers *required, const struct backlog_sample *sample) {
    learn_arrivals(required, sample);
    double rate = (double)required->worker_rate;
    double to_drain = (double)sample_outstanding(sample) / (rate * (double)required->drain_seconds);
    double to_keep_up = required->arrivals_per_s / (rate * busy_at_most);
    int64_t workers = (int64_t)ceil(to_drain > to_keep_up ? to_drain : to_keep_up);
    return workers > 1 ? workers : 1;
}

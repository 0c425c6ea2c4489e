#include "api/threats/waiters.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 1024, PREFERENCE_MAX = 24 };

struct waiter {
    struct waiter *next;
    struct uuid id;
    struct exchange *exchange;
    int64_t deadline_ms;
    unsigned wait_s;
};

struct waiters {
    struct waiter *buckets[BUCKETS];
    unsigned count;
};

struct waiters *waiters_new(void) {
    struct waiters *waiters = calloc(1, sizeof(*waiters));
    if (waiters == NULL)
        abort();
    return waiters;
}

void waiters_free(struct waiters *waiters) {
    if (waiters == NULL)
        return;
    waiters_tick(waiters, 0, true);
    free(waiters);
}

/* The last bytes of a UUIDv7 are random. */
static unsigned bucket_of(const struct uuid *id) {
    return (unsigned)(id->bytes[15] | id->bytes[14] << 8) % BUCKETS;
}

void waiters_add(struct waiters *waiters, const struct uuid *id, struct exchange *exchange,
                 int64_t deadline_ms, unsigned wait_s) {
    struct waiter *waiter = malloc(sizeof(*waiter));
    struct waiter **bucket = &waiters->buckets[bucket_of(id)];
    if (waiter == NULL)
        abort();
    *waiter = (struct waiter){*bucket, *id, exchange, deadline_ms, wait_s};
    *bucket = waiter;
    waiters->count++;
    exchange_hold(exchange);
}

static void remove_waiter(struct waiters *waiters, struct waiter **at) {
    struct waiter *waiter = *at;
    *at = waiter->next;
    waiters->count--;
    exchange_release(waiter->exchange);
    free(waiter);
}

void waiters_remove(struct waiters *waiters, const struct uuid *id, const struct exchange *exchange) {
    struct waiter **at = &waiters->buckets[bucket_of(id)];
    while (*at != NULL && ((*at)->exchange != exchange || uuid_compare(&(*at)->id, id) != 0))
        at = &(*at)->next;
    if (*at != NULL)
        remove_waiter(waiters, at);
}

bool waiters_want(const struct waiters *waiters, const struct uuid *id) {
    if (waiters->count == 0)
        return false;
    for (const struct waiter *waiter = waiters->buckets[bucket_of(id)]; waiter != NULL; waiter = waiter->next)
        if (uuid_compare(&waiter->id, id) == 0)
            return true;
    return false;
}

static void answer_analysis(struct waiter *waiter, struct text analysis) {
    char applied[PREFERENCE_MAX];
    snprintf(applied, sizeof(applied), "wait=%u", waiter->wait_s);
    struct header header = {"preference-applied", text_of(applied)};
    exchange_answer(waiter->exchange, 200, "application/json", &header, 1, analysis);
}

void waiters_complete(struct waiters *waiters, const struct uuid *id, struct text analysis) {
    struct waiter **at = &waiters->buckets[bucket_of(id)];
    while (*at != NULL) {
        if (uuid_compare(&(*at)->id, id) != 0) {
            at = &(*at)->next;
            continue;
        }
        answer_analysis(*at, analysis);
        remove_waiter(waiters, at);
    }
}

void waiters_tick(struct waiters *waiters, int64_t now_ms, bool stopping) {
    for (int i = 0; i < BUCKETS && waiters->count > 0; i++) {
        struct waiter **at = &waiters->buckets[i];
        while (*at != NULL) {
            if (!stopping && now_ms < (*at)->deadline_ms) {
                at = &(*at)->next;
                continue;
            }
            answer_accepted((*at)->exchange, &(*at)->id, (*at)->wait_s);
            remove_waiter(waiters, at);
        }
    }
}

void answer_accepted(struct exchange *exchange, const struct uuid *id, unsigned wait_s) {
    char body[] = "{\"id\":\"________-____-____-____-____________\",\"status\":\"pending\"}";
    char location[] = "/api/threats/________-____-____-____-____________";
    char applied[PREFERENCE_MAX];
    uuid_write(id, body + sizeof("{\"id\":\"") - 1);
    uuid_write(id, location + sizeof("/api/threats/") - 1);
    struct header headers[2] = {{"location", {location, sizeof(location) - 1}}};
    if (wait_s > 0) {
        snprintf(applied, sizeof(applied), "wait=%u", wait_s);
        headers[1] = (struct header){"preference-applied", text_of(applied)};
    }
    exchange_answer(exchange, 202, "application/json", headers, wait_s > 0 ? 2 : 1,
                    (struct text){body, sizeof(body) - 1});
}

/* Door: a row of threats:log comes in, every client that wants it has it on its way when this is done. The
 * last door: behind it are the clients' sockets.
 *
 * Rows wait in order while the bodies of completed threats are fetched; each event is framed once into the
 * ring; clients keep a cursor. Nothing is fetched or framed for nobody. */
#ifndef SOC_API_PUSH_EVENT_H
#define SOC_API_PUSH_EVENT_H

#include "api/catalog/fetch_threats.h"
#include "api/catalog/follow_log.h"
#include "api/catalog/query.h"
#include "api/http/exchange.h"

struct live;

struct live_options {
    struct fetch_source source;
    const struct catalog *catalog;
    const char *allowed_origins; /* comma list; "*" all; "" the request's own host only */
    size_t queue_bytes;          /* a client that stays further behind than this is closed with 1013 */
    int64_t ping_seconds;
    unsigned clients_max;
    unsigned resume_rows; /* how far back in the log a client may resume */
    /* Somebody besides the clients who wants a finished analysis by id. */
    bool (*wanted)(void *arg, const struct uuid *id);
    void (*on_analysis)(void *arg, const struct uuid *id, struct text analysis);
    void *arg;
};

struct live *live_new(const struct live_options *options);
void live_free(struct live *live);

void push_event(struct live *live, struct stream_id position, const struct log_row *row);

/* A row that is no event, in its place among the others. */
void live_pass(struct live *live, struct stream_id position);

/* A row of the past, read at the start: it is in the catalog and no event. */
void live_skip(struct live *live, struct stream_id position);

/* GET /ws */
void live_accept(struct live *live, struct exchange *exchange);

/* At the end of a loop turn: wakes the clients that have something new. */
void live_flush(struct live *live);

/* Pings, dead clients, fetches that failed. */
void live_tick(struct live *live, int64_t now_ms);

/* The log is another one and being read again: no more events, and clients will be told to start over. */
void live_hold(struct live *live);

/* The log was read to its end. */
void live_go_on(struct live *live);

/* From now on live_tick closes the clients with 1001, a few at a time (farewell.h). Nobody is to be accepted.
 */
void live_stop(struct live *live, int64_t now_ms);
unsigned live_clients(const struct live *live);

#endif

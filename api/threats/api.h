/* What the handlers of soc-api work with: made in main.c, handed around as exchange->app. */
#ifndef SOC_API_API_H
#define SOC_API_API_H

#include "api/backlog/backlog.h"
#include "api/catalog/fetch_threats.h"
#include "api/catalog/follow_log.h"
#include "api/context/replace_list.h"
#include "api/http/route_request.h"
#include "api/live/push_event.h"
#include "api/threats/enqueue_signal.h"
#include "api/threats/waiters.h"
#include "api/upkeep/upkeep.h"
#include "shared/config/settings.h"

/* The stages of the end (api/drain.h). */
enum api_stage {
    API_RUNNING,
    API_LEAVING, /* not ready, yet everybody is served as ever */
    API_CLOSING, /* nobody new comes in, what is outstanding is answered */
    API_DONE
};

struct api {
    const struct settings *settings;
    struct keyspace keyspace;
    struct uuid_source ids;
    struct master *master;
    struct link *commands;     /* reads, and enqueue unless it has its own */
    struct link *enqueue_link; /* NULL unless replicas must confirm */
    struct link *log_link;     /* XREAD blocks it */
    struct follower *follower;
    struct catalog *catalog;
    struct live *live;
    struct enqueue *enqueue;
    struct waiters *waiters;
    struct backlog *backlog;
    struct admission admission;
    struct upkeep *upkeep;
    struct imports *imports;
    int64_t started_ms; /* monotonic */
    enum api_stage stage;
};

/* Ends with a NULL row. */
extern const struct route api_routes[];

/* The largest body of any call: a batch (the contract's 4 MiB). */
enum { API_BODY_MAX = 4 * 1024 * 1024 };

/* Can Redis take signals and is the catalog whole? */
bool api_is_ready(const struct api *api);

#endif

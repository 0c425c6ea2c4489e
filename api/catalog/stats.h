/* GET /api/stats: counted as rows come and go, so that answering costs nothing. */
#ifndef SOC_API_STATS_H
#define SOC_API_STATS_H

#include "api/catalog/catalog.h"
#include "shared/json/writer.h"

enum { STATS_HOUR_MINUTES = 60, STATS_DAY_MINUTES = 1440 };

struct minute_count {
    uint32_t minute; /* since 1970 */
    uint32_t count;
};

struct stats {
    uint64_t total;
    uint64_t by_severity[SEVERITY_COUNT];
    uint64_t by_status[THREAT_STATUS_COUNT];
    uint64_t by_type[THREAT_TYPE_COUNT];
    uint64_t requires_review; /* completed, to be reviewed, and without a verdict: the queue */
    uint64_t verdicts[VERDICT_COUNT];
    struct minute_count
        *minutes; /* rising; every minute in which a stored threat was created, and some empty */
    uint32_t minute_count, minute_room, minutes_empty;
};

const struct stats *catalog_stats(const struct catalog *catalog);

/* The threats created in a minute since 1970. */
uint32_t stats_in_minute(const struct stats *stats, uint32_t minute);

/* The answer's body (schemas/stats.json): totals, and per-minute counts, oldest first, of the 60 and of the
 * 1,440 minutes that end with the minute of now; what was created later than that is in the totals alone. */
void stats_write(struct writer *writer, const struct stats *stats, int64_t now_ms);

#endif

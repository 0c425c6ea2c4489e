/* GET /api/threats' question, asked of the catalog. Also the filter of a WebSocket's `subscribe`. */
#ifndef SOC_API_QUERY_H
#define SOC_API_QUERY_H

#include "api/catalog/catalog.h"
#include "shared/model/fault.h"

enum { QUERY_LIMIT_DEFAULT = 100, QUERY_LIMIT_MAX = 1000, QUERY_SEARCH_MAX = 200 };

struct query {
    uint32_t severities;     /* bit per enum severity; 0: any (an unanalysed threat matches only "any") */
    uint32_t statuses;       /* bit per enum threat_status; 0: any */
    uint32_t threat_types;   /* bit per enum threat_type; 0: any */
    int requires_review;     /* -1 any, 0, 1 */
    struct text customer_id; /* at == NULL: any */
    char search[QUERY_SEARCH_MAX]; /* lower case (ASCII); part of customer id or name, type, or address */
    size_t search_len;             /* 0: none */
    int64_t since_ms;              /* created_at >= since; INT64_MIN: any */
    int64_t until_ms;              /* created_at < until; INT64_MAX: any */
    unsigned limit;
    bool has_cursor;
    struct uuid cursor; /* rows after (older than) this one, which need not be there any more */
    uint32_t set;       /* which parameters query_set has seen */
};

void query_init(struct query *query);

/* Sets one parameter from its decoded text: severity, status, threat_type (comma lists), requires_review
 * (true/false), customer_id, search (empty: none), since, until (RFC 3339), limit, cursor. A bad value, an
 * unknown name or a name that comes twice adds a fault whose pointer is the name (a name that is not UTF-8:
 * the whole). customer_id borrows. */
void query_set(struct query *query, struct text name, struct text value, struct faults *faults);

/* Does one row match everything but limit and cursor? */
bool query_matches(const struct query *query, const struct log_row *row);

/* Newest first. Writes at most query->limit ids and whether more follow. Returns the count. */
unsigned query_run(const struct query *query, const struct catalog *catalog, struct uuid *ids, bool *more);

#endif

/* Pages of threats:log as events, for clients that resume from further back than the ring reaches. A page is
 * read once for all clients who are near; few are read at a time, and their bytes are bounded: others wait.
 */
#ifndef SOC_API_LOG_PAGES_H
#define SOC_API_LOG_PAGES_H

#include "api/catalog/fetch_threats.h"
#include "api/live/live_event.h"
#include "api/live/log_marks.h"

struct log_pages;

struct page_row {
    struct stream_id id;
    struct live_event *event; /* NULL: the row is no event */
};

/* `start` and what it was read for stay; the rows come with on_page. Held with log_page_ref. */
struct log_page {
    struct log_page *next;
    struct log_pages *pages;
    struct log_span span;
    unsigned references;
    unsigned awaited; /* replies */
    bool loaded;
    bool failed;
    bool dropped; /* out of the table */
    struct page_row *rows;
    unsigned count;
    size_t bytes;
    int64_t used_ms;
    struct logged_row *oldest, *newest; /* while bodies are on their way */
    bool untrimmed;                     /* the log still had every row that it was ever given */
};

/* A page came; NULL: one did not, Redis is away. */
typedef void (*log_pages_hook)(void *arg, struct log_page *page);

struct log_pages *log_pages_new(const struct fetch_source *source, size_t max_bytes, log_pages_hook on_page,
                                void *arg);
void log_pages_free(struct log_pages *pages);

/* A loaded page that has a row of exactly this id with more rows behind it; `index` is that of the row. */
struct log_page *log_pages_find(const struct log_pages *pages, struct stream_id id, unsigned *index);

/* The row of exactly this id. */
bool log_page_find(const struct log_page *page, struct stream_id id, unsigned *index);

/* Reads a page, or does nothing when that one is being read. False: it is not the time, ask again after the
 * next on_page or a while later. on_page is called later, never from here. */
bool log_pages_load(struct log_pages *pages, const struct log_span *span);

struct log_page *log_page_ref(struct log_page *page);
void log_page_unref(struct log_page *page);

/* The log is another one: no page is found any more, and what is being read will be dropped. */
void log_pages_drop(struct log_pages *pages);

/* Forgets pages that nobody has used for a while. */
void log_pages_tick(struct log_pages *pages, int64_t now_ms);

#endif

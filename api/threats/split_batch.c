#include "api/threats/split_batch.h"

#include <stdio.h>

#include "shared/json/reader.h"

enum { DETAIL_MAX = 80 };

const char *const batch_content_types[] = {"application/json", "application/x-ndjson", "application/ndjson",
                                           NULL};

struct splitter {
    struct text *spans;
    unsigned count;
    bool too_many;
};

static void split_add(struct splitter *splitter, struct text span) {
    if (splitter->count == BATCH_SPANS_MAX)
        splitter->too_many = true;
    else
        splitter->spans[splitter->count++] = span;
}

static bool is_blank(struct text line) {
    for (size_t i = 0; i < line.len; i++)
        if (strchr(" \t\r", line.at[i]) == NULL || line.at[i] == '\0')
            return false;
    return true;
}

static void split_lines(struct text body, struct splitter *splitter) {
    while (body.len > 0 && !splitter->too_many) {
        const char *end = memchr(body.at, '\n', body.len);
        size_t len = end == NULL ? body.len : (size_t)(end - body.at), used = end == NULL ? len : len + 1;
        struct text line = {body.at, len};
        if (!is_blank(line))
            split_add(splitter, line);
        body = (struct text){body.at + used, body.len - used};
    }
}

static void split_array(struct text body, struct splitter *splitter, struct faults *faults) {
    struct reader reader;
    struct text span;
    reader_init(&reader, body);
    if (reader_enter_array(&reader))
        while (!splitter->too_many && reader_next_element(&reader) &&
               reader_skip(&reader, READER_DEPTH_MAX - 1, &span))
            split_add(splitter, span);
    if (!splitter->too_many && !reader_finish(&reader))
        faults_add(faults, NULL, "%s (byte %zu)", reader_fault_text(reader.fault), reader_offset(&reader));
}

static bool is_json(struct text content_type) {
    struct text json = TEXT_LITERAL("application/json");
    return content_type.len >= json.len &&
           text_equal_ignoring_case((struct text){content_type.at, json.len}, json);
}

enum status batch_split(struct text body, bool array, const char *thing, struct text *spans, unsigned *count,
                        struct faults *faults) {
    struct splitter splitter = {spans, 0, false};
    if (array)
        split_array(body, &splitter, faults);
    else
        split_lines(body, &splitter);
    if (splitter.too_many)
        return STATUS_TOO_LARGE;
    if (faults->count == 0 && splitter.count == 0)
        faults_add(faults, NULL, "holds no %s", thing);
    *count = splitter.count;
    return faults->count == 0 ? STATUS_OK : STATUS_INVALID;
}

bool split_batch(struct exchange *exchange, const char *thing, struct text *spans, unsigned *count) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    char detail[DETAIL_MAX];
    faults_init(&faults, &arena);
    enum status status =
        batch_split(exchange_body(exchange), is_json(exchange_header(exchange, "content-type")), thing, spans,
                    count, &faults);
    snprintf(detail, sizeof(detail), "a batch holds at most %d %ss", BATCH_SPANS_MAX, thing);
    if (status == STATUS_TOO_LARGE)
        exchange_answer_problem(exchange, status, detail);
    else if (status != STATUS_OK)
        exchange_answer_faults(exchange, &faults, "pointer");
    arena_fini(&arena);
    return status == STATUS_OK;
}

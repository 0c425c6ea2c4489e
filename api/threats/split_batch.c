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

bool split_batch(struct exchange *exchange, const char *thing, struct text *spans, unsigned *count) {
    struct splitter splitter = {spans, 0, false};
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    char detail[DETAIL_MAX];
    faults_init(&faults, &arena);
    if (is_json(exchange_header(exchange, "content-type")))
        split_array(exchange_body(exchange), &splitter, &faults);
    else
        split_lines(exchange_body(exchange), &splitter);
    if (faults.count == 0 && splitter.count == 0)
        faults_add(&faults, NULL, "holds no %s", thing);
    snprintf(detail, sizeof(detail), "a batch holds at most %d %ss", BATCH_SPANS_MAX, thing);
    if (splitter.too_many)
        exchange_answer_problem(exchange, STATUS_TOO_LARGE, detail);
    else if (faults.count > 0)
        exchange_answer_faults(exchange, &faults, "pointer");
    *count = splitter.count;
    bool split = !splitter.too_many && faults.count == 0;
    arena_fini(&arena);
    return split;
}

/* The body of POST /api/threats/batch: NDJSON, or an array when the first byte is not 'n'. Every value lies
 * in the body, and is a signal or has its faults. */
#include "api/threats/split_batch.h"
#include "shared/json/reader.h"
#include "shared/model/signal.h"
#include "tests/fuzz/fuzz.h"

static void check_value(struct text value) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct signal signal;
    faults_init(&faults, &arena);
    if (signal_read(value, FUZZ_NOW_MS, &arena, &signal, &faults) != STATUS_OK)
        fuzz_check_faults(&faults);
    arena_fini(&arena);
}

static void check_element(struct text value) {
    struct reader reader;
    reader_init(&reader, value);
    FUZZ_CHECK(reader_skip(&reader, READER_DEPTH_MAX, NULL) && reader_finish(&reader));
}

static void check_spans(struct text body, bool array, const struct text *spans, unsigned count) {
    const char *behind = body.at;
    FUZZ_CHECK(count >= 1 && count <= BATCH_SPANS_MAX);
    for (unsigned i = 0; i < count; i++) {
        FUZZ_CHECK(spans[i].len > 0 && spans[i].at >= behind);
        behind = spans[i].at + spans[i].len;
        FUZZ_CHECK(behind <= body.at + body.len);
        if (array)
            check_element(spans[i]);
        else
            FUZZ_CHECK(memchr(spans[i].at, '\n', spans[i].len) == NULL);
        check_value(spans[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct text spans[BATCH_SPANS_MAX];
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    unsigned count = 0;
    if (size == 0)
        return 0;
    bool array = data[0] != 'n';
    struct text body = fuzz_text(data + 1, size - 1);
    faults_init(&faults, &arena);
    enum status status = batch_split(body, array, "signal", spans, &count, &faults);
    FUZZ_CHECK(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_TOO_LARGE);
    if (status == STATUS_OK)
        check_spans(body, array, spans, count);
    else if (status == STATUS_INVALID)
        fuzz_check_faults(&faults);
    arena_fini(&arena);
    return 0;
}

/* A threat-intel list in each of its formats, which the first byte picks. Read in slices or at once the same
 * comes out; entries can be written and read; whatever is left out is told, and the report is JSON. */
#include "api/context/import_format.h"
#include "api/context/indicator_import.h"
#include "tests/fuzz/fuzz.h"

static void run(struct indicator_import *import, enum import_format format, struct text body,
                unsigned budget) {
    struct import_options options = {.format = format, .list = TEXT_LITERAL("list")};
    if (format == IMPORT_MISP)
        options.list = TEXT_NONE;
    indicator_import_init(import, &options, body, FUZZ_NOW_MS);
    while (!indicator_import_step(import, budget))
        ;
}

static void check_entry(const struct indicator *row) {
    char written[PREFIX_TEXT_MAX];
    struct prefix again;
    FUZZ_CHECK(prefix_parse((struct text){written, indicator_write(&row->prefix, written)}, &again) == NULL);
    FUZZ_CHECK(again.length == row->prefix.length);
    FUZZ_CHECK(address_compare(&again.address, &row->prefix.address) == 0);
    FUZZ_CHECK(row->score <= 100 || row->score == INDICATOR_SCORE_OF_LIST);
}

static void check_report(const struct indicator_import *import) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    import_report_write(&writer, import);
    fuzz_check_json(buffer_text(&out));
    buffer_clear(&out);
    writer_init(&writer, &out);
    import_metadata_write(&writer, import);
    fuzz_check_json(buffer_text(&out));
    buffer_fini(&out);
}

static void check_alike(const struct indicator_import *whole, const struct indicator_import *sliced) {
    FUZZ_CHECK(whole->broken == sliced->broken && whole->lines == sliced->lines);
    FUZZ_CHECK(whole->rejected == sliced->rejected && whole->ignored == sliced->ignored);
    FUZZ_CHECK(text_equal(buffer_text(&whole->errors), buffer_text(&sliced->errors)));
    FUZZ_CHECK(whole->set.count == sliced->set.count);
    for (uint32_t i = 0; i < whole->set.count; i++)
        FUZZ_CHECK(address_compare(&whole->set.rows[i].prefix.address, &sliced->set.rows[i].prefix.address) ==
                       0 &&
                   whole->set.rows[i].score == sliced->set.rows[i].score);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct indicator_import whole, sliced;
    if (size == 0)
        return 0;
    enum import_format format = (enum import_format)(data[0] % IMPORT_FORMAT_COUNT);
    struct text body = fuzz_text(data + 1, size - 1);
    int guess = import_format_guess(TEXT_NONE, body);
    FUZZ_CHECK(guess >= -1 && guess < IMPORT_FORMAT_COUNT);
    run(&whole, format, body, 1000000);
    run(&sliced, format, body, 1);
    check_alike(&whole, &sliced);
    check_report(&whole);
    for (uint32_t i = 0; i < whole.set.count; i++)
        check_entry(&whole.set.rows[i]);
    FUZZ_CHECK(!indicator_import_is_good(&whole) || (whole.set.count > 0 && whole.rejected == 0));
    FUZZ_CHECK(whole.set.count > 0 || whole.rejected > 0);
    indicator_import_fini(&whole);
    indicator_import_fini(&sliced);
    return 0;
}

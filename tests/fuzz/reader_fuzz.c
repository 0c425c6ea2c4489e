/* The JSON reader against jansson, which was written by others. They may differ only where
 * tests/unit/json_fuzz_test.c says: depth, numbers that no double holds, names with U+0000, and a zero byte
 * behind a number. */
#include "shared/json/reader.h"
#include "tests/fuzz/fuzz.h"

enum { FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL };

static bool is_difference_known(struct text json, bool taken, enum reader_fault fault,
                                const json_error_t *error) {
    if (!taken)
        return fault == READER_TOO_DEEP || memchr(json.at, '\0', json.len) != NULL;
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

static void check_compact(struct text json) {
    struct reader reader;
    char *out = malloc(json.len);
    FUZZ_CHECK(out != NULL);
    struct text compact = {out, reader_compact(json, out)};
    json_t *before = json_loadb(json.at, json.len, FLAGS, NULL);
    json_t *after = json_loadb(compact.at, compact.len, FLAGS, NULL);
    reader_init(&reader, compact);
    FUZZ_CHECK(reader_skip(&reader, READER_DEPTH_MAX, NULL) && reader_finish(&reader));
    FUZZ_CHECK(before == NULL ? after == NULL : json_equal(before, after));
    json_decref(before);
    json_decref(after);
    free(out);
}

static void check_text(struct text json, const json_t *tree) {
    struct arena arena = ARENA_EMPTY;
    struct reader reader;
    struct text value;
    reader_init(&reader, json);
    FUZZ_CHECK(reader_take_text(&reader, &arena, &value) && utf8_valid(value));
    FUZZ_CHECK(text_equal(value, (struct text){json_string_value(tree), json_string_length(tree)}));
    arena_fini(&arena);
}

static void check_taken(struct text json, const json_t *tree, bool repeated) {
    json_t *strict = json_loadb(json.at, json.len, FLAGS | JSON_REJECT_DUPLICATES, NULL);
    FUZZ_CHECK((strict == NULL) == repeated);
    json_decref(strict);
    check_compact(json);
    if (json_is_string(tree))
        check_text(json, tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text json = fuzz_text(data, size);
    struct reader reader;
    json_error_t error;
    reader_init(&reader, json);
    bool taken = reader_skip(&reader, READER_DEPTH_MAX, NULL) && reader_finish(&reader);
    json_t *tree = json_loadb(json.at, json.len, FLAGS, &error);
    FUZZ_CHECK(taken == (reader.fault == READER_FINE) && reader_offset(&reader) <= size);
    if (taken == (tree != NULL)) {
        if (taken)
            check_taken(json, tree, reader.repeated_name);
    } else {
        FUZZ_CHECK(is_difference_known(json, taken, reader.fault, &error));
    }
    json_decref(tree);
    return 0;
}

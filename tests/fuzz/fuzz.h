/* What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: libFuzzer drives it
 * (scripts/fuzz), and corpus_test.c feeds it what tests/fuzz/corpus holds (scripts/test). */
#ifndef SOC_FUZZ_H
#define SOC_FUZZ_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/utf8.h"
#include "shared/model/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 2026-11-21T04:00:00Z: what "now" is for every target. */
#define FUZZ_NOW_MS INT64_C(1795233600000)

#define FUZZ_CHECK(holds)                                                                                    \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static inline struct text fuzz_text(const uint8_t *data, size_t size) {
    return (struct text){size == 0 ? "" : (const char *)data, size};
}

/* What stands before the first `separator` leaves `rest`; all of it when there is none. */
static inline struct text fuzz_take(struct text *rest, char separator) {
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
    struct text head = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
    size_t used = head.len + (end != NULL);
    *rest = (struct text){rest->at + used, rest->len - used};
    return head;
}

/* Another parser reads it, too. NULL with the reason when it does not. */
static inline json_t *fuzz_json(struct text json, json_error_t *error) {
    return json_loadb(json.at, json.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, error);
}

static inline void fuzz_check_json(struct text json) {
    json_error_t error;
    json_t *tree = fuzz_json(json, &error);
    if (tree == NULL)
        fprintf(stderr, "%s at %d: %.*s\n", error.text, error.position, (int)json.len, json.at);
    FUZZ_CHECK(tree != NULL);
    json_decref(tree);
}

/* Something is wrong, and each says where and what in a way that can be shown. */
static inline void fuzz_check_faults(const struct faults *faults) {
    FUZZ_CHECK(faults->count >= 1 && faults->count <= FAULTS_MAX);
    for (unsigned i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->rows[i];
        FUZZ_CHECK(fault->pointer.at != NULL && utf8_valid(fault->pointer));
        FUZZ_CHECK(fault->pointer.len == 0 || fault->pointer.at[0] == '/');
        FUZZ_CHECK(fault->detail.len > 0 && utf8_valid(fault->detail));
    }
}

#endif

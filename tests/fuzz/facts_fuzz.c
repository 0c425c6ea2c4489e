/* The facts that an analysis carries. What is read can be written, and from then on reading and writing are
 * each other's inverse. */
#include "shared/explain/facts_read.h"
#include "tests/fuzz/fuzz.h"

static void write_facts(struct buffer *out, const struct facts *facts) {
    struct writer writer;
    buffer_clear(out);
    writer_init(&writer, out);
    facts_write(&writer, facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct facts facts;
    struct arena arena = ARENA_EMPTY;
    struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
    const char *why = NULL;
    if (facts_read(fuzz_text(data, size), &arena, &facts, &why)) {
        write_facts(&once, &facts);
        fuzz_check_json(buffer_text(&once));
        if (!facts_read(buffer_text(&once), &arena, &facts, &why))
            fprintf(stderr, "%s: %.*s\n", why, (int)once.len, once.at);
        FUZZ_CHECK(why == NULL);
        write_facts(&twice, &facts);
        FUZZ_CHECK(text_equal(buffer_text(&once), buffer_text(&twice)));
    } else {
        FUZZ_CHECK(why != NULL && why[0] != '\0' && utf8_valid(text_of(why)));
    }
    buffer_fini(&once);
    buffer_fini(&twice);
    arena_fini(&arena);
    return 0;
}

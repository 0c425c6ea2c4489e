/* The query part of GET /api/threats. What is taken comes back from the link to the next page as the same
 * question, behind the cursor. */
#include "api/threats/list_query.h"
#include "tests/fuzz/fuzz.h"

static void check_query(const struct query *query) {
    FUZZ_CHECK(query->limit >= 1 && query->limit <= QUERY_LIMIT_MAX);
    FUZZ_CHECK(query->search_len <= QUERY_SEARCH_MAX);
    FUZZ_CHECK(utf8_valid((struct text){query->search, query->search_len}));
    FUZZ_CHECK(query->customer_id.at == NULL || signal_customer_id_fits(query->customer_id));
    FUZZ_CHECK(query->severities >> SEVERITY_NONE == 0);
    FUZZ_CHECK(query->statuses >> THREAT_STATUS_COUNT == 0);
    FUZZ_CHECK(query->threat_types >> THREAT_TYPE_COUNT == 0);
}

static void check_same_question(const struct query *a, const struct query *b) {
    FUZZ_CHECK(a->severities == b->severities && a->statuses == b->statuses);
    FUZZ_CHECK(a->threat_types == b->threat_types && a->requires_review == b->requires_review);
    FUZZ_CHECK(text_equal(a->customer_id, b->customer_id));
    FUZZ_CHECK(text_equal((struct text){a->search, a->search_len}, (struct text){b->search, b->search_len}));
    FUZZ_CHECK(a->since_ms == b->since_ms && a->until_ms == b->until_ms && a->limit == b->limit);
}

/* The value of the Link header: </api/threats?…>; rel="next", in printable ASCII. */
static struct text query_of_link(struct text link) {
    static const char head[] = "</api/threats?", tail[] = ">; rel=\"next\"";
    size_t head_len = sizeof(head) - 1, tail_len = sizeof(tail) - 1;
    FUZZ_CHECK(link.len > head_len + tail_len && memcmp(link.at, head, head_len) == 0);
    FUZZ_CHECK(memcmp(link.at + link.len - tail_len, tail, tail_len) == 0);
    struct text query = {link.at + head_len, link.len - head_len - tail_len};
    for (size_t i = 0; i < query.len; i++)
        FUZZ_CHECK(query.at[i] > ' ' && query.at[i] <= '~' && query.at[i] != '>');
    return query;
}

static void check_next(struct text encoded, const struct query *query, struct arena *arena) {
    static const struct uuid last = {{0x01, 0x99, 0x3b, 0xb4, 0, 1, 0x70, 2, 0x80, 0, 0, 0, 0, 0, 0, 9}};
    struct buffer link = BUFFER_EMPTY;
    struct faults faults;
    struct query next;
    list_query_write_next(encoded, arena, &last, &link);
    faults_init(&faults, arena);
    list_query_read(query_of_link(buffer_text(&link)), arena, &next, &faults);
    FUZZ_CHECK(faults.count == 0 && next.has_cursor && uuid_compare(&next.cursor, &last) == 0);
    check_same_question(query, &next);
    buffer_fini(&link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct query query;
    struct text encoded = fuzz_text(data, size);
    faults_init(&faults, &arena);
    list_query_read(encoded, &arena, &query, &faults);
    if (faults.count == 0) {
        check_query(&query);
        check_next(encoded, &query, &arena);
    } else {
        fuzz_check_faults(&faults);
    }
    arena_fini(&arena);
    return 0;
}

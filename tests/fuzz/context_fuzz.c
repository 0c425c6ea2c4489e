/* The context as it stands in Redis, whoever wrote it: one record a line, whose first byte says of what kind
 * (c a customer's field, i an infra event, l a list, e a list's entry), its parts cut by '='. What a worker
 * takes from it can be told as facts and read back; what it leaves out is complained about in readable words.
 */
#include "shared/context/snapshot.h"
#include "shared/explain/facts_read.h"
#include "tests/fuzz/fuzz.h"

enum { FIELDS_MAX = 64, LINE_SIGN_NEWLINE = '\x1e' };

static const char *const addresses[] = {"198.51.100.7", "10.1.2.3", "2001:db8::7", "64:ff9b::c633:6407"};

static void complain(void *arg, const char *record, struct text name, const char *why) {
    (void)arg, (void)name;
    FUZZ_CHECK(record[0] != '\0' && why[0] != '\0' && utf8_valid(text_of(why)));
}

/* A value may hold lines of its own. */
static struct text with_newlines(struct arena *arena, struct text value) {
    char *copy = (char *)arena_copy(arena, value).at;
    for (size_t i = 0; i < value.len; i++)
        if (copy[i] == LINE_SIGN_NEWLINE)
            copy[i] = '\n';
    return (struct text){copy, value.len};
}

static void tell(struct snapshot_builder *builder, struct text rest, struct arena *arena) {
    struct context_field fields[FIELDS_MAX];
    unsigned count = 0;
    while (rest.len > 0) {
        struct text line = fuzz_take(&rest, '\n');
        char kind = line.len == 0 ? '\0' : line.at[0];
        struct text value = {line.at + (line.len > 0), line.len - (line.len > 0)};
        struct text name = fuzz_take(&value, '=');
        if (kind == 'c' && count < FIELDS_MAX)
            fields[count++] = (struct context_field){name, with_newlines(arena, value)};
        else if (kind == 'i')
            snapshot_builder_infra(builder, name, value);
        else if (kind == 'l')
            snapshot_builder_intel_list(builder, name, value);
        else if (kind == 'e') {
            struct text cidr = fuzz_take(&value, '=');
            snapshot_builder_intel_entry(builder, name, cidr, value);
        }
    }
    snapshot_builder_customer(builder, TEXT_LITERAL("acme"), fields, count);
}

static void write_facts(struct buffer *out, const struct facts *facts) {
    struct writer writer;
    buffer_clear(out);
    writer_init(&writer, out);
    facts_write(&writer, facts);
}

static void check_facts(const struct snapshot *snapshot, const char *address, struct arena *arena) {
    static struct facts facts;
    struct signal signal = {.threat_type = THREAT_BRUTE_FORCE,
                            .customer_id = TEXT_LITERAL("acme"),
                            .customer_name = TEXT_LITERAL("Acme"),
                            .user_agent = TEXT_LITERAL("Mozilla/5.0 (compatible; Googlebot/2.1)"),
                            .detected_at_ms = FUZZ_NOW_MS};
    struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
    const char *why = NULL;
    FUZZ_CHECK(address_parse(text_of(address), &signal.source_ip));
    facts = (struct facts){.history_available = true};
    snapshot_gather(snapshot, &signal, arena, &facts);
    FUZZ_CHECK(facts.context_available && facts.infra_count <= INFRA_FACTS_MAX);
    FUZZ_CHECK(facts.intel_count <= INTEL_FACTS_MAX);
    write_facts(&once, &facts);
    fuzz_check_json(buffer_text(&once));
    if (!facts_read(buffer_text(&once), arena, &facts, &why))
        fprintf(stderr, "%s: %.*s\n", why, (int)once.len, once.at);
    FUZZ_CHECK(why == NULL);
    write_facts(&twice, &facts);
    FUZZ_CHECK(text_equal(buffer_text(&once), buffer_text(&twice)));
    buffer_fini(&once);
    buffer_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_EMPTY;
    struct snapshot_builder *builder = snapshot_builder_new(complain, NULL);
    tell(builder, fuzz_text(data, size), &arena);
    struct snapshot *snapshot = snapshot_build(builder);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        check_facts(snapshot, addresses[i], &arena);
    snapshot_free(snapshot);
    snapshot_builder_free(builder);
    arena_fini(&arena);
    return 0;
}

/* A snapshot of context built record by record, and the facts that it gives of one signal. */
#ifndef SOC_TESTS_SNAPSHOT_FIXTURE_H
#define SOC_TESTS_SNAPSHOT_FIXTURE_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/buffer.h"
#include "shared/base/rfc3339.h"
#include "shared/context/snapshot.h"

/* One builder, its complaints ("record name why" a line), one arena: what most tests need. */
struct bench {
    struct buffer complaints;
    struct snapshot_builder *builder;
    struct snapshot *snapshot;
    struct arena arena;
    struct signal signal;
    struct facts facts;
};

static inline void note(void *arg, const char *record, struct text name, const char *why) {
    buffer_printf(arg, "%s %.*s %s\n", record, (int)name.len, name.at, why);
}

static inline int64_t at(const char *written) {
    int64_t ms = 0;
    cr_assert(rfc3339_parse(text_of(written), &ms), "%s", written);
    return ms;
}

static inline struct address address_of(const char *written) {
    struct address address;
    cr_assert(address_parse(text_of(written), &address), "%s", written);
    return address;
}

static inline struct bench *bench_open(void) {
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->builder = snapshot_builder_new(note, &bench->complaints);
    bench->signal = (struct signal){
        .threat_type = THREAT_BRUTE_FORCE,
        .customer_id = TEXT_LITERAL("acme"),
        .customer_name = TEXT_LITERAL("Acme"),
        .source_ip = address_of("198.51.100.7"),
        .user_agent = TEXT_LITERAL("Mozilla/5.0 (X11; Linux x86_64)"),
        .detected_at_ms = at("2026-11-21T12:00:00Z"),
    };
    return bench;
}

static inline void bench_close(struct bench *bench) {
    snapshot_free(bench->snapshot);
    snapshot_builder_free(bench->builder);
    buffer_fini(&bench->complaints);
    arena_fini(&bench->arena);
    free(bench);
}

/* Name and value in turn, NULL at the end. */
static inline void customer(struct bench *bench, const char *id, ...) {
    struct context_field fields[16];
    unsigned count = 0;
    va_list list;
    va_start(list, id);
    for (const char *name; (name = va_arg(list, const char *)) != NULL; count++)
        fields[count] = (struct context_field){text_of(name), text_of(va_arg(list, const char *))};
    va_end(list);
    snapshot_builder_customer(bench->builder, text_of(id), fields, count);
}

static inline void infra(struct bench *bench, const char *id, const char *json) {
    snapshot_builder_infra(bench->builder, text_of(id), text_of(json));
}

static inline void list(struct bench *bench, const char *name, const char *json) {
    snapshot_builder_intel_list(bench->builder, text_of(name), text_of(json));
}

static inline void entry(struct bench *bench, const char *name, const char *cidr, const char *score) {
    snapshot_builder_intel_entry(bench->builder, text_of(name), text_of(cidr), text_of(score));
}

static inline void build(struct bench *bench) {
    snapshot_free(bench->snapshot);
    bench->snapshot = snapshot_build(bench->builder);
}

static inline struct facts *gather(struct bench *bench) {
    snapshot_gather(bench->snapshot, &bench->signal, &bench->arena, &bench->facts);
    return &bench->facts;
}

static inline struct facts *gather_for(struct bench *bench, const char *address) {
    bench->signal.source_ip = address_of(address);
    return gather(bench);
}

static inline struct crawler_fact *claim(struct bench *bench, const char *user_agent, const char *address) {
    bench->signal.user_agent = text_of(user_agent);
    return &gather_for(bench, address)->crawler;
}

static const char googlebot[] = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

static inline const char *complaints(struct bench *bench) {
    buffer_append_char(&bench->complaints, '\0');
    bench->complaints.len--;
    return bench->complaints.at;
}

static inline unsigned lines(const char *text) {
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

#define expect_text(text, string)                                                                            \
    cr_expect(text_is(text, string), "%.*s instead of %s", (int)(text).len, (text).at, string)
#define expect_complaints(bench, expected) cr_expect_str_eq(complaints(bench), expected)

#endif

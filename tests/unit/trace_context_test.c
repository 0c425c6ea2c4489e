#include "shared/telemetry/trace_context.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define ZERO_TRACE "00000000000000000000000000000000"
#define ZERO_SPAN "0000000000000000"

static bool parse(const char *value, struct trace_context *context) {
    size_t len = strlen(value);
    char *exact = exact_copy(value, len);
    bool fine = traceparent_parse((struct text){exact, len}, context);
    free(exact);
    return fine;
}

TestSuite(trace_context, .timeout = 20);

Test(trace_context, what_is_taken_and_passed_on) {
    static const struct {
        const char *value, *passed_on;
    } rows[] = {
        {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00"},
        {"00-" TRACE "-" SPAN "-ff", "00-" TRACE "-" SPAN "-01"}, /* only the sampled flag is known */
        {"00-" TRACE "-" SPAN "-fe", "00-" TRACE "-" SPAN "-00"},
        {"01-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"cc-" TRACE "-" SPAN "-01-what-the-future-will-be", "00-" TRACE "-" SPAN "-01"},
        {"fe-" TRACE "-" SPAN "-00-", "00-" TRACE "-" SPAN "-00"},
        {"00-00000000000000000000000000000001-0000000000000001-01",
         "00-00000000000000000000000000000001-0000000000000001-01"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[TRACEPARENT_LENGTH];
        struct trace_context context;
        cr_assert(parse(rows[i].value, &context), "%s", rows[i].value);
        traceparent_write(&context, out);
        cr_assert(text_is((struct text){out, sizeof(out)}, rows[i].passed_on), "%s became %.*s",
                  rows[i].value, TRACEPARENT_LENGTH, out);
    }
}

Test(trace_context, what_is_refused_leaves_the_context_alone) {
    static const char *const rows[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-011",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-more",
        "cc-" TRACE "-" SPAN "-01.more",
        "cc-" TRACE "-" SPAN "-012",
        "ff-" TRACE "-" SPAN "-01",
        "0-" TRACE "-" SPAN "-01",
        "000-" TRACE "-" SPAN "-01",
        "0g-" TRACE "-" SPAN "-01",
        "0A-" TRACE "-" SPAN "-01",
        "00-" ZERO_TRACE "-" SPAN "-01",
        "00-" TRACE "-" ZERO_SPAN "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "-" SPAN "-0x",
        "00-" TRACE "-" SPAN "-0A",
        "00-4bf92f3577b34da6a3ce929d0e0e473-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47366-" SPAN "-01",
        "00-" TRACE "-00f067aa0ba902b-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        " 00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-01 ",
        "00-" TRACE ".." SPAN "-01",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct trace_context context = {.trace_id = {1}, .span_id = {2}, .sampled = true};
        cr_assert_not(parse(rows[i], &context), "%s", rows[i]);
        cr_assert(context.trace_id[0] == 1 && context.span_id[0] == 2 && context.sampled, "%s", rows[i]);
    }
}

/* The ids are those of real threats: their first half is a time and their fixed bits are not random. */
Test(trace_context, the_ratio_is_kept_and_decided_by_the_trace_id_alone) {
    static const double shares[] = {0, 0.01, 0.1, 0.5, 1};
    enum { TRACES = 40000 };
    struct uuid_source ids;
    uuid_source_init(&ids);
    for (size_t i = 0; i < COUNT_OF(shares); i++) {
        struct trace_ratio ratio = trace_ratio_of(shares[i]);
        unsigned held = 0;
        for (int n = 0; n < TRACES; n++) {
            struct uuid id = uuid_next(&ids, 1763696000123 + n);
            struct trace_context context, again;
            trace_of_threat(&id, &context);
            again = context;
            span_id_random(again.span_id);
            again.sampled = true;
            bool holds = trace_ratio_holds(ratio, &context);
            cr_assert_eq(holds, trace_ratio_holds(ratio, &again));
            held += holds;
        }
        double sigma = sqrt(shares[i] * (1 - shares[i]) / TRACES);
        cr_assert(fabs((double)held / TRACES - shares[i]) <= 6 * sigma, "%u of %d at %g", held, TRACES,
                  shares[i]);
    }
}

/* Whoever keeps a tenth keeps a part of what another who keeps a half does. */
Test(trace_context, a_smaller_ratio_keeps_a_part_of_the_larger) {
    struct trace_ratio tenth = trace_ratio_of(0.1), half = trace_ratio_of(0.5);
    for (int n = 0; n < 10000; n++) {
        struct trace_context context = {.sampled = false};
        trace_id_random(context.trace_id);
        cr_assert(trace_is_present(&context));
        cr_assert(!trace_ratio_holds(tenth, &context) || trace_ratio_holds(half, &context));
    }
}

Test(trace_context, derived_ids_are_the_same_for_all_and_apart_from_each_other) {
    uint8_t parent[SPAN_ID_BYTES] = {0}, ids[64][SPAN_ID_BYTES], again[SPAN_ID_BYTES];
    for (uint64_t part = 0; part < 64; part++) {
        span_id_derive(parent, part, ids[part]);
        span_id_derive(parent, part, again);
        cr_assert_arr_eq(ids[part], again, SPAN_ID_BYTES);
        for (uint64_t other = 0; other < part; other++)
            cr_assert_arr_neq(ids[part], ids[other], SPAN_ID_BYTES);
    }
}

Test(trace_context, hex_is_what_traceparent_has) {
    struct trace_context context;
    char hex[TRACE_ID_LENGTH];
    cr_assert(parse("00-" TRACE "-" SPAN "-01", &context));
    cr_assert(text_is(trace_id_text(context.trace_id, hex), TRACE));
    cr_assert(text_is(span_id_text(context.span_id, hex), SPAN));
}

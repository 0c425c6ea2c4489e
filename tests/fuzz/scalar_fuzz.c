/* The small values: times, addresses, prefixes, UUIDs, stream ids, trace contexts, integers. Each that is
 * read can be written and read to the same. */
#include <inttypes.h>
#include <math.h>

#include "shared/base/rfc3339.h"
#include "shared/base/uuid.h"
#include "shared/context/prefix.h"
#include "shared/json/integer.h"
#include "shared/json/reader.h"
#include "shared/redis/stream_id.h"
#include "shared/telemetry/trace_context.h"
#include "tests/fuzz/fuzz.h"

enum { NUMBER_MAX = 256 };

static void check_time(struct text text) {
    char written[RFC3339_LENGTH];
    int64_t ms, again;
    if (!rfc3339_parse(text, &ms))
        return;
    rfc3339_write(ms, written);
    FUZZ_CHECK(rfc3339_parse((struct text){written, RFC3339_LENGTH}, &again) && again == ms);
}

static void check_address(struct text text) {
    char written[ADDRESS_TEXT_MAX];
    struct address address, again;
    if (!address_parse(text, &address))
        return;
    FUZZ_CHECK(address_parse((struct text){written, address_write(&address, written)}, &again));
    FUZZ_CHECK(address_compare(&address, &again) == 0);
}

static void check_prefix(struct text text) {
    char written[PREFIX_TEXT_MAX];
    struct prefix prefix, again;
    if (prefix_parse(text, &prefix) != NULL)
        return;
    FUZZ_CHECK(prefix.length <= PREFIX_LENGTH_MAX);
    FUZZ_CHECK(prefix_parse((struct text){written, prefix_write(&prefix, written)}, &again) == NULL);
    FUZZ_CHECK(again.length == prefix.length && address_compare(&prefix.address, &again.address) == 0);
}

static void check_uuid(struct text text) {
    char written[UUID_LENGTH];
    struct uuid uuid;
    if (!uuid_parse(text, &uuid))
        return;
    uuid_write(&uuid, written);
    FUZZ_CHECK(text_equal_ignoring_case(text, (struct text){written, UUID_LENGTH}));
}

static void check_stream_id(struct text text) {
    char written[48];
    struct stream_id id, again;
    if (!stream_id_parse(text, &id))
        return;
    int len = snprintf(written, sizeof(written), "%" PRIu64 "-%" PRIu64, id.ms, id.sequence);
    FUZZ_CHECK(stream_id_parse((struct text){written, (size_t)len}, &again));
    FUZZ_CHECK(!stream_id_is_before(id, again) && !stream_id_is_before(again, id));
}

static void check_traceparent(struct text text) {
    char written[TRACEPARENT_LENGTH];
    struct trace_context context, again;
    if (!traceparent_parse(text, &context))
        return;
    FUZZ_CHECK(trace_is_present(&context) && span_id_is_present(context.span_id));
    traceparent_write(&context, written);
    FUZZ_CHECK(traceparent_parse((struct text){written, TRACEPARENT_LENGTH}, &again));
    FUZZ_CHECK(memcmp(&context.trace_id, &again.trace_id, TRACE_ID_BYTES) == 0);
    FUZZ_CHECK(memcmp(&context.span_id, &again.span_id, SPAN_ID_BYTES) == 0);
    FUZZ_CHECK(context.sampled == again.sampled);
}

/* As another judges it, where doubles are exact enough to tell. */
static void check_integer(struct text text) {
    struct reader reader;
    struct text digits;
    char copy[NUMBER_MAX];
    int64_t value;
    reader_init(&reader, text);
    if (text.len >= sizeof(copy) || !reader_take_number(&reader, &digits) || !reader_finish(&reader))
        return;
    memcpy(copy, digits.at, digits.len);
    copy[digits.len] = '\0';
    double number = strtod(copy, NULL);
    if (integer_from_number(digits, &value))
        FUZZ_CHECK((double)value == number);
    else
        FUZZ_CHECK(number != rint(number) || fabs(number) >= 0x1p53 || digits.len > 16 || number == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text text = fuzz_text(data, size);
    check_time(text);
    check_address(text);
    check_prefix(text);
    check_uuid(text);
    check_stream_id(text);
    check_traceparent(text);
    check_integer(text);
    return 0;
}

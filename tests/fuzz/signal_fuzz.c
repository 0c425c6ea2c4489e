/* One signal as a client sends it (api/threats/validate_signal.c). What is taken can be stored and read back
 * to the same; what is refused says why. */
#include "shared/model/signal.h"
#include "tests/fuzz/fuzz.h"

static void write_signal(struct buffer *out, const struct signal *signal) {
    struct writer writer;
    buffer_clear(out);
    writer_init(&writer, out);
    signal_write(&writer, signal);
}

/* Of raw_data another parser may refuse numbers that no double holds and names with U+0000: so without it. */
static void check_written(struct buffer *out, const struct signal *signal) {
    struct signal plain = *signal;
    plain.raw_data = TEXT_NONE;
    write_signal(out, &plain);
    fuzz_check_json(buffer_text(out));
}

static void check_stored(const struct signal *signal) {
    struct arena arena = ARENA_EMPTY;
    struct buffer out = BUFFER_EMPTY, again = BUFFER_EMPTY;
    struct faults faults;
    struct signal stored;
    check_written(&out, signal);
    write_signal(&out, signal);
    FUZZ_CHECK(utf8_valid(buffer_text(&out)));
    faults_init(&faults, &arena);
    FUZZ_CHECK(signal_read_stored(buffer_text(&out), &arena, &stored, &faults) == STATUS_OK);
    FUZZ_CHECK(stored.threat_type == signal->threat_type && stored.request_count == signal->request_count);
    FUZZ_CHECK(stored.detected_at_ms == signal->detected_at_ms);
    FUZZ_CHECK(address_compare(&stored.source_ip, &signal->source_ip) == 0);
    FUZZ_CHECK(text_equal(stored.customer_name, signal->customer_name));
    FUZZ_CHECK((stored.user_agent.at == NULL) == (signal->user_agent.at == NULL));
    write_signal(&again, &stored);
    FUZZ_CHECK(text_equal(buffer_text(&out), buffer_text(&again)));
    buffer_fini(&out);
    buffer_fini(&again);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct signal signal;
    faults_init(&faults, &arena);
    enum status status = signal_read(fuzz_text(data, size), FUZZ_NOW_MS, &arena, &signal, &faults);
    FUZZ_CHECK(status == STATUS_OK || status == STATUS_INVALID);
    if (status == STATUS_OK) {
        FUZZ_CHECK(faults.count == 0 && signal_customer_id_fits(signal.customer_id));
        FUZZ_CHECK(signal.detected_at_ms <= FUZZ_NOW_MS + SIGNAL_FUTURE_MS_MAX);
        check_stored(&signal);
    } else {
        fuzz_check_faults(&faults);
    }
    arena_fini(&arena);
    return 0;
}

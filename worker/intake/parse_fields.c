#include "worker/intake/parse_fields.h"

#include "shared/base/rfc3339.h"

bool parse_fields(struct work *work, const redisReply *fields) {
    struct text received = reply_text(reply_field(fields, "received_at"));
    struct text signal = reply_text(reply_field(fields, "signal"));
    unsigned long long received_ms;
    struct faults faults;
    if (!text_is(reply_text(reply_field(fields, "v")), "1") ||
        !uuid_parse(reply_text(reply_field(fields, "id")), &work->id) ||
        !text_to_unsigned(received, RFC3339_LAST_MS, &received_ms) || signal.len > SIGNAL_BODY_MAX)
        return false;
    work->received_at_ms = (int64_t)received_ms;
    buffer_append_text(&work->signal_json, signal);
    faults_init(&faults, &work->arena);
    return signal_read_stored(buffer_text(&work->signal_json), &work->arena, &work->signal, &faults) ==
           STATUS_OK;
}

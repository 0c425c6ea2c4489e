#include "worker/intake/parse_fields.h"

#include "shared/base/rfc3339.h"
#include "shared/base/utf8.h"
#include "shared/json/reader.h"
#include "shared/redis/keys.h"

enum { VERSION_MAX = 999999999 };

static enum entry_kind unreadable(struct entry_fault *fault, enum dead_reason reason, struct text detail) {
    *fault = (struct entry_fault){.reason = reason, .detail = detail};
    return ENTRY_UNREADABLE;
}

static enum entry_kind find_fields(const redisReply *fields, struct text *texts, struct work *work,
                                   struct entry_fault *fault) {
    static const char *const names[] = {"v", "id", "received_at", "signal"};
    for (int i = 0; i < 4; i++) {
        texts[i] = reply_text(reply_field(fields, names[i]));
        if (texts[i].at == NULL)
            return unreadable(fault, DEAD_MISSING_FIELD,
                              arena_printf(&work->arena, "field %s is missing", names[i]));
    }
    return ENTRY_READABLE;
}

static enum entry_kind judge_version(struct text v, struct entry_fault *fault) {
    unsigned long long version;
    if (!text_to_unsigned(v, VERSION_MAX, &version) || version == 0 || v.at[0] == '0')
        return unreadable(fault, DEAD_BAD_VERSION, TEXT_LITERAL("v is no version"));
    if (version == ENTRY_VERSION)
        return ENTRY_READABLE;
    fault->version = (unsigned)version;
    return version > ENTRY_VERSION
               ? ENTRY_NEWER
               : unreadable(fault, DEAD_BAD_VERSION, TEXT_LITERAL("v is not understood any more"));
}

static enum entry_kind name_signal_fault(struct work *work, const struct faults *faults,
                                         struct entry_fault *fault) {
    const struct fault *first = &faults->rows[0];
    struct text signal = buffer_text(&work->signal_json);
    struct reader reader;
    reader_init(&reader, signal);
    bool json = reader_skip(&reader, READER_DEPTH_MAX, NULL) && reader_finish(&reader);
    enum dead_reason reason = !utf8_valid(signal) ? DEAD_BAD_UTF8 : json ? DEAD_BAD_SIGNAL : DEAD_BAD_JSON;
    return unreadable(fault, reason,
                      arena_printf(&work->arena, "signal%.*s %.*s", (int)first->pointer.len,
                                   first->pointer.at, (int)first->detail.len, first->detail.at));
}

static enum entry_kind read_signal(struct work *work, struct text signal, struct entry_fault *fault) {
    struct faults faults;
    if (signal.len > SIGNAL_BODY_MAX)
        return unreadable(fault, DEAD_TOO_LARGE,
                          arena_printf(&work->arena, "signal has %zu bytes", signal.len));
    buffer_append_text(&work->signal_json, signal);
    faults_init(&faults, &work->arena);
    if (signal_read_stored(buffer_text(&work->signal_json), &work->arena, &work->signal, &faults) ==
        STATUS_OK)
        return ENTRY_READABLE;
    return name_signal_fault(work, &faults, fault);
}

static enum entry_kind parse_threat(struct work *work, const struct text *texts, struct entry_fault *fault) {
    unsigned long long received_ms;
    if (!text_to_unsigned(texts[2], RFC3339_LAST_MS, &received_ms))
        return unreadable(fault, DEAD_BAD_TIME, TEXT_LITERAL("received_at is no time in ms"));
    work->received_at_ms = (int64_t)received_ms;
    return read_signal(work, texts[3], fault);
}

enum entry_kind parse_fields(struct work *work, const redisReply *fields, struct entry_fault *fault) {
    struct text texts[4]; /* v, id, received_at, signal */
    struct text v = reply_text(reply_field(fields, "v"));
    enum entry_kind kind = v.at == NULL ? ENTRY_READABLE : judge_version(v, fault);
    if (kind == ENTRY_READABLE)
        kind = find_fields(fields, texts, work, fault);
    if (kind != ENTRY_READABLE)
        return kind;
    if (!uuid_parse(texts[1], &work->id))
        return unreadable(fault, DEAD_BAD_ID, TEXT_LITERAL("id is no UUID"));
    kind = parse_threat(work, texts, fault);
    fault->id_known = true;
    return kind;
}

#include "api/dead_letters/letter.h"

#include "shared/base/rfc3339.h"
#include "shared/base/utf8.h"
#include "shared/json/reader.h"
#include "shared/redis/stream_id.h"

bool letter_id_fits(struct text id) {
    struct stream_id parsed;
    return id.len < LETTER_ID_MAX && stream_id_parse(id, &parsed);
}

static unsigned long long number_in(const redisReply *fields, const char *name, unsigned long long max) {
    unsigned long long number;
    return text_to_unsigned(reply_text(reply_field(fields, name)), max, &number) ? number : 0;
}

bool letter_read(const redisReply *element, struct letter *letter) {
    if (!reply_is_array(element, 2) || !letter_id_fits(reply_text(element->element[0])))
        return false;
    const redisReply *fields = element->element[1];
    *letter = (struct letter){.id = reply_text(element->element[0]),
                              .reason = reply_text(reply_field(fields, "reason")),
                              .stage = reply_text(reply_field(fields, "stage")),
                              .detail = reply_text(reply_field(fields, "detail")),
                              .entry = reply_text(reply_field(fields, "entry")),
                              .signal = reply_text(reply_field(fields, "signal")),
                              .received_at = reply_text(reply_field(fields, "received_at")),
                              .deliveries = number_in(fields, "deliveries", UINT32_MAX),
                              .at_ms = number_in(fields, "at", RFC3339_LAST_MS),
                              .signal_bytes = number_in(fields, "signal_bytes", INT64_MAX)};
    letter->has_threat = uuid_parse(reply_text(reply_field(fields, "id")), &letter->threat);
    return true;
}

static bool is_object(struct text json) {
    struct reader reader;
    reader_init(&reader, json);
    return reader_kind(&reader) == VALUE_OBJECT && reader_skip(&reader, READER_DEPTH_MAX, NULL) &&
           reader_finish(&reader);
}

/* At most LETTER_TEXT_MAX bytes; what is not UTF-8 becomes U+FFFD. */
static void write_mended(struct writer *writer, struct text raw) {
    struct buffer clean = BUFFER_EMPTY;
    for (size_t i = 0; i < raw.len;) {
        size_t good = utf8_sequence(raw.at + i, raw.len - i);
        if (clean.len + (good == 0 ? 3 : good) > LETTER_TEXT_MAX)
            break;
        if (good == 0)
            buffer_append_string(&clean, "\xEF\xBF\xBD");
        else
            buffer_append(&clean, raw.at + i, good);
        i += good == 0 ? 1 : good;
    }
    writer_text(writer, clean.len == 0 ? TEXT_LITERAL("") : buffer_text(&clean));
    buffer_fini(&clean);
}

static void write_member(struct writer *writer, const char *key, struct text value) {
    writer_key(writer, key);
    if (value.at == NULL)
        writer_null(writer);
    else
        write_mended(writer, value);
}

static void write_signal(struct writer *writer, const struct letter *letter) {
    bool json = letter->signal.at != NULL && is_object(letter->signal);
    writer_member_string(writer, "signal_format",
                         letter->signal.at == NULL ? "none"
                         : json                    ? "json"
                                                   : "text");
    writer_key(writer, "signal");
    if (json)
        writer_raw(writer, letter->signal);
    else if (letter->signal.at == NULL)
        writer_null(writer);
    else
        write_mended(writer, letter->signal);
    writer_member_signed(writer, "signal_bytes", (int64_t)letter->signal_bytes);
}

void letter_write(struct writer *writer, const struct letter *letter) {
    char threat[UUID_LENGTH];
    writer_open_object(writer);
    writer_member_text(writer, "id", letter->id);
    write_member(writer, "reason", letter->reason);
    write_member(writer, "stage", letter->stage);
    write_member(writer, "detail", letter->detail);
    writer_member_signed(writer, "deliveries", (int64_t)letter->deliveries);
    write_member(writer, "entry", letter->entry);
    writer_member_time(writer, "at", (int64_t)letter->at_ms);
    if (letter->has_threat)
        uuid_write(&letter->threat, threat);
    write_member(writer, "threat_id", letter->has_threat ? (struct text){threat, UUID_LENGTH} : TEXT_NONE);
    write_signal(writer, letter);
    writer_close_object(writer);
}

bool letter_is_replayable(const struct letter *letter, struct arena *arena, struct signal *signal,
                          int64_t *received_at_ms) {
    struct faults faults;
    unsigned long long ms;
    faults_init(&faults, arena);
    if (!letter->has_threat || letter->signal.at == NULL ||
        !text_to_unsigned(letter->received_at, RFC3339_LAST_MS, &ms) ||
        signal_read_stored(letter->signal, arena, signal, &faults) != STATUS_OK)
        return false;
    *received_at_ms = (int64_t)ms;
    return true;
}

#include "api/live/live_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/live/frame.h"
#include "shared/json/writer.h"

enum { PREFIX_MAX = 96 };

static const char *const type_names[] = {
    [LIVE_THREAT_CREATED] = "threat_created",
    [LIVE_NEW_THREAT] = "new_threat",
    [LIVE_THREAT_UPDATED] = "threat_updated",
};

size_t live_event_bytes(const struct live_event *event) {
    return sizeof(*event) + event->frame_bytes + event->row.customer_id.len + event->row.customer_name.len;
}

static char *put(char *at, struct text text) {
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

static void set_row(struct live_event *event, const struct log_row *row) {
    char *id = event->frame + event->frame_bytes;
    char *name = put(id, row->customer_id);
    put(name, row->customer_name);
    event->row = *row;
    event->row.customer_id = (struct text){id, row->customer_id.len};
    event->row.customer_name = (struct text){name, row->customer_name.len};
}

/* A frame with room for its payload; `*payload` is where that goes. */
static struct live_event *frame_new(size_t payload_bytes, size_t more_bytes, char **payload) {
    char header[FRAME_HEADER_MAX];
    size_t header_bytes = frame_header_write(header, FRAME_TEXT, payload_bytes);
    struct live_event *event = malloc(sizeof(*event) + header_bytes + payload_bytes + more_bytes);
    if (event == NULL)
        abort();
    *event = (struct live_event){.references = 1, .frame_bytes = header_bytes + payload_bytes};
    *payload = put(event->frame, (struct text){header, header_bytes});
    return event;
}

struct live_event *live_event_new(enum live_kind kind, uint64_t log_ms, uint64_t log_sequence,
                                  const struct log_row *row, struct text data) {
    char prefix[PREFIX_MAX], *at;
    int prefix_bytes =
        snprintf(prefix, sizeof(prefix),
                 "{\"type\":\"%s\",\"id\":\"%" PRIu64 "-%" PRIu64 "\",\"data\":", type_names[kind], log_ms,
                 log_sequence);
    struct live_event *event =
        frame_new((size_t)prefix_bytes + data.len + 1, row->customer_id.len + row->customer_name.len, &at);
    event->kind = kind;
    event->log_ms = log_ms;
    event->log_sequence = log_sequence;
    at = put(at, (struct text){prefix, (size_t)prefix_bytes});
    put(at, data)[0] = '}';
    set_row(event, row);
    return event;
}

struct live_event *live_event_of_message(struct text message) {
    char *at;
    struct live_event *event = frame_new(message.len, 0, &at);
    put(at, message);
    return event;
}

static void write_summary(struct buffer *out, const struct log_row *row) {
    struct writer writer;
    char id[UUID_LENGTH], ip[ADDRESS_TEXT_MAX];
    uuid_write(&row->id, id);
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_text(&writer, "id", (struct text){id, UUID_LENGTH});
    writer_member_string(&writer, "status", vocabulary_word(&vocabulary_threat_status, (int)row->status));
    writer_member_string(&writer, "threat_type",
                         vocabulary_word(&vocabulary_threat_type, (int)row->threat_type));
    if (row->severity != SEVERITY_NONE)
        writer_member_string(&writer, "severity", vocabulary_word(&vocabulary_severity, (int)row->severity));
    if (row->verdict != VERDICT_NONE)
        writer_member_string(&writer, "verdict", vocabulary_word(&vocabulary_verdict, (int)row->verdict));
    writer_member_text(&writer, "customer_id", row->customer_id);
    writer_member_text(&writer, "customer_name", row->customer_name);
    writer_member_text(&writer, "source_ip", (struct text){ip, address_write(&row->source_ip, ip)});
    writer_member_time(&writer, "created_at", row->created_at_ms);
    writer_close_object(&writer);
}

bool live_event_is_due(const struct log_row *row) {
    return row->kind != EVENT_EXPIRED;
}

struct live_event *live_event_of_row(struct stream_id position, const struct log_row *row, struct text body) {
    if (row->kind == EVENT_COMPLETED && body.at != NULL)
        return live_event_new(LIVE_NEW_THREAT, position.ms, position.sequence, row, body);
    struct buffer summary = BUFFER_EMPTY;
    write_summary(&summary, row);
    enum live_kind kind = row->kind == EVENT_CREATED ? LIVE_THREAT_CREATED : LIVE_THREAT_UPDATED;
    struct live_event *event =
        live_event_new(kind, position.ms, position.sequence, row, buffer_text(&summary));
    buffer_fini(&summary);
    return event;
}

struct live_event *live_event_ref(struct live_event *event) {
    event->references++;
    return event;
}

void live_event_unref(struct live_event *event) {
    if (event != NULL && --event->references == 0)
        free(event);
}

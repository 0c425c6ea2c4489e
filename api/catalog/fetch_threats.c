#include "api/catalog/fetch_threats.h"

#include <stdlib.h>

#include "shared/json/writer.h"
#include "shared/model/analysis.h"

/* The replies of one fetch; each slot is filled by its own reply, the last one ends the fetch. */
struct fetch_slot {
    struct fetch *fetch;
    struct uuid id;
    size_t offset, len; /* in fetch->out; len 0: nothing stored */
    char entry[48];     /* stream entry of a pending one, "" otherwise */
    bool delivered;     /* a worker has the entry */
    struct trace_context trace;
};

struct fetch {
    struct fetch_source source;
    fetch_done done;
    void *arg;
    struct buffer out;
    unsigned count;
    unsigned awaited; /* replies still to come */
    enum status status;
    struct fetch_slot slots[];
};

static void fetch_end(struct fetch *fetch) {
    struct fetched *threats = calloc(fetch->count + 1, sizeof(*threats));
    if (threats == NULL)
        abort();
    for (unsigned i = 0; i < fetch->count; i++) {
        const struct fetch_slot *slot = &fetch->slots[i];
        if (slot->len > 0)
            threats[i] = (struct fetched){
                {fetch->out.at + slot->offset, slot->len}, slot->entry[0] == '\0', slot->trace};
    }
    fetch->done(fetch->arg, fetch->status, fetch->status == STATUS_OK ? threats : NULL, fetch->count);
    free(threats);
    buffer_fini(&fetch->out);
    free(fetch);
}

static void note_failure(struct fetch *fetch, enum status status) {
    if (fetch->status == STATUS_OK)
        fetch->status = status;
}

static void one_less(struct fetch *fetch) {
    if (--fetch->awaited == 0)
        fetch_end(fetch);
}

static void send(struct fetch_slot *slot, struct command *command, link_reply on_reply) {
    struct fetch *fetch = slot->fetch;
    fetch->awaited++;
    if (link_send(*fetch->source.link, command_finish(command), LINK_DEADLINE_MS, on_reply, slot) !=
        STATUS_OK) {
        note_failure(fetch, STATUS_UNAVAILABLE);
        fetch->awaited--;
    }
}

/* The stored body ends with '}': the verdict goes in before it. */
void fetched_write(struct buffer *out, struct text data, struct text verdict) {
    buffer_append(out, data.at, data.len - 1);
    buffer_append_string(out, ",\"verdict\":");
    buffer_append_text(out, verdict.len > 0 ? verdict : TEXT_LITERAL("null"));
    buffer_append_char(out, '}');
}

static void put_stored(struct fetch_slot *slot, struct text data, struct text verdict) {
    slot->offset = slot->fetch->out.len;
    fetched_write(&slot->fetch->out, data, verdict);
    slot->len = slot->fetch->out.len - slot->offset;
}

static void put_pending(struct fetch_slot *slot, struct text signal, int64_t created_at_ms) {
    struct writer writer;
    char id[UUID_LENGTH];
    uuid_write(&slot->id, id);
    slot->offset = slot->fetch->out.len;
    writer_init(&writer, &slot->fetch->out);
    writer_open_object(&writer);
    writer_member_text(&writer, "id", (struct text){id, UUID_LENGTH});
    writer_member_signed(&writer, "schema_version", ANALYSIS_SCHEMA_VERSION);
    writer_key(&writer, "signal");
    writer_raw(&writer, signal);
    writer_member_string(
        &writer, "status",
        vocabulary_word(&vocabulary_threat_status, slot->delivered ? THREAT_ANALYZING : THREAT_PENDING));
    writer_member_time(&writer, "created_at", created_at_ms);
    writer_key(&writer, "verdict");
    writer_null(&writer);
    writer_close_object(&writer);
    slot->len = slot->fetch->out.len - slot->offset;
}

/* XRANGE stream entry entry → [[id, [name, value, …]]]; empty when it was completed and trimmed meanwhile. */
static void on_entry(void *arg, enum status status, const redisReply *reply) {
    struct fetch_slot *slot = arg;
    if (status != STATUS_OK) {
        note_failure(slot->fetch, status);
    } else if (reply_is_array(reply, 1) && reply_is_array(reply->element[0], 2)) {
        const redisReply *fields = reply->element[0]->element[1];
        struct text signal = reply_text(reply_field(fields, "signal"));
        if (signal.len > 1)
            put_pending(slot, signal, uuid_ms(&slot->id));
    }
    one_less(slot->fetch);
}

static void on_pending(void *arg, enum status status, const redisReply *reply) {
    struct fetch_slot *slot = arg;
    slot->delivered = status == STATUS_OK && reply_is_array(reply, 1);
    one_less(slot->fetch);
}

static void ask_for_entry(struct fetch_slot *slot) {
    struct command command = COMMAND_EMPTY;
    const char *stream = keyspace_fixed(slot->fetch->source.keyspace, KEY_STREAM);
    command_begin(&command, "XPENDING");
    command_words(&command, stream, CONSUMER_GROUP, slot->entry, slot->entry, "1", NULL);
    send(slot, &command, on_pending);
    command_begin(&command, "XRANGE");
    command_words(&command, stream, slot->entry, slot->entry, NULL);
    send(slot, &command, on_entry);
    command_fini(&command);
}

/* HMGET threat:{id} data verdict entry [trace] */
static void on_record(void *arg, enum status status, const redisReply *reply) {
    struct fetch_slot *slot = arg;
    if (status != STATUS_OK) {
        note_failure(slot->fetch, status);
    } else if (reply_is_array(reply, 3)) {
        struct text data = reply_text(reply->element[0]), entry = reply_text(reply->element[2]);
        if (reply->elements > 3)
            traceparent_parse(reply_text(reply->element[3]), &slot->trace);
        if (data.len > 2) {
            put_stored(slot, data, reply_text(reply->element[1]));
        } else if (entry.len > 0 && entry.len < sizeof(slot->entry)) {
            memcpy(slot->entry, entry.at, entry.len);
            ask_for_entry(slot);
        }
    }
    one_less(slot->fetch);
}

void fetch_threats(const struct fetch_source *source, const struct uuid *ids, unsigned count, fetch_done done,
                   void *arg) {
    struct fetch *fetch = calloc(1, sizeof(*fetch) + count * sizeof(fetch->slots[0]));
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    if (fetch == NULL || count > FETCH_MAX)
        abort();
    *fetch = (struct fetch){.source = *source, .done = done, .arg = arg, .count = count, .awaited = 1};
    for (unsigned i = 0; i < count; i++) {
        fetch->slots[i].fetch = fetch;
        fetch->slots[i].id = ids[i];
        buffer_clear(&key);
        keyspace_threat(source->keyspace, &ids[i], &key);
        command_begin(&command, "HMGET");
        command_text(&command, buffer_text(&key));
        command_words(&command, "data", "verdict", "entry", source->traces ? "trace" : NULL, NULL);
        send(&fetch->slots[i], &command, on_record);
    }
    command_fini(&command);
    buffer_fini(&key);
    one_less(fetch);
}

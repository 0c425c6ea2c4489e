#include "api/upkeep/own_retention.h"

#include <stdlib.h>

#include "shared/context/customer_records.h"

enum { CUSTOMERS_AT_ONCE = 200, READ_EVERY_MS = 60000, HURRY_MS = 1000 };

/* One customer's question under way. */
struct own_question {
    struct own_retention_reader *reader;
    uint32_t handle;
};

struct own_retention_reader {
    struct link *const *link;
    const struct keyspace *keyspace;
    const struct catalog *catalog;
    struct retention *retention;
    struct own_question questions[CUSTOMERS_AT_ONCE];
    unsigned awaited;
    uint32_t next; /* handle */
    bool failed;   /* in this pass */
    bool stale;    /* what is awaited was asked before the pass began anew */
    bool known;
    int64_t begin_at_ms;
    struct command command;
    struct buffer key;
};

struct own_retention_reader *own_retention_reader_new(struct link *const *link,
                                                      const struct keyspace *keyspace,
                                                      const struct catalog *catalog) {
    struct own_retention_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        abort();
    reader->link = link;
    reader->keyspace = keyspace;
    reader->catalog = catalog;
    return reader;
}

void own_retention_reader_free(struct own_retention_reader *reader) {
    if (reader == NULL)
        return;
    command_fini(&reader->command);
    buffer_fini(&reader->key);
    free(reader);
}

/* A record without it, or none at all, has none of its own; one that cannot be read leaves what was known. */
static void on_days(void *arg, enum status status, const redisReply *reply) {
    struct own_question *question = arg;
    struct own_retention_reader *reader = question->reader;
    unsigned long long days = 0;
    reader->awaited--;
    if (reader->stale)
        return;
    reader->failed |= status == STATUS_UNAVAILABLE;
    if (status != STATUS_OK)
        return;
    if (!text_to_unsigned(reply_text(reply), CUSTOMER_RETENTION_DAYS_MAX, &days))
        days = 0;
    retention_set(reader->retention, reader->catalog, question->handle, (int64_t)days);
}

static bool ask_about(struct own_retention_reader *reader, uint32_t handle, struct text id) {
    struct own_question *question = &reader->questions[reader->awaited];
    *question = (struct own_question){reader, handle};
    buffer_clear(&reader->key);
    keyspace_customer(reader->keyspace, id, &reader->key);
    command_begin(&reader->command, "HGET");
    command_text(&reader->command, buffer_text(&reader->key));
    command_string(&reader->command, "retention_days");
    if (link_send(*reader->link, command_finish(&reader->command), LINK_DEADLINE_MS, on_days, question) !=
        STATUS_OK)
        return false;
    reader->awaited++;
    return true;
}

static void end_pass(struct own_retention_reader *reader, int64_t now_ms) {
    reader->known |= !reader->failed;
    reader->begin_at_ms = reader->failed ? now_ms : now_ms + READ_EVERY_MS;
    reader->next = 0;
    reader->failed = false;
}

void own_retention_read_on(struct own_retention_reader *reader, struct retention *retention, int64_t now_ms) {
    struct text id;
    if (reader->awaited > 0 || now_ms < reader->begin_at_ms)
        return;
    reader->retention = retention;
    reader->stale = false;
    while (reader->awaited < CUSTOMERS_AT_ONCE) {
        if (!catalog_next_customer(reader->catalog, &reader->next, &id)) {
            if (reader->awaited == 0)
                end_pass(reader, now_ms);
            return;
        }
        if (!ask_about(reader, reader->next, id))
            return;
        reader->next++;
    }
}

bool own_retention_is_known(const struct own_retention_reader *reader) {
    return reader->known;
}

void own_retention_begin(struct own_retention_reader *reader) {
    reader->next = 0;
    reader->begin_at_ms = 0;
    reader->known = reader->failed = false;
    reader->stale = true;
}

void own_retention_hurry(struct own_retention_reader *reader, int64_t now_ms) {
    if (reader->begin_at_ms > now_ms + HURRY_MS)
        reader->begin_at_ms = now_ms + HURRY_MS;
}

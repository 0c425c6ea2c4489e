/* A stream entry as a worker reads it, whoever wrote it: a list of values, one a line, whose first byte says
 * of which type Redis' reply is ($ text, : integer, * an empty array, - nil). What is taken can be logged and
 * written again. */
#include "shared/model/log_row.h"
#include "tests/fuzz/fuzz.h"
#include "worker/intake/parse_fields.h"

enum { VALUES_MAX = 32 };

static const struct {
    char sign;
    int type;
} types[] = {
    {'$', REDIS_REPLY_STRING}, {':', REDIS_REPLY_INTEGER}, {'*', REDIS_REPLY_ARRAY}, {'-', REDIS_REPLY_NIL}};

static redisReply read_value(struct text line) {
    redisReply reply = {.type = REDIS_REPLY_NIL};
    for (size_t i = 0; line.len > 0 && i < sizeof(types) / sizeof(types[0]); i++)
        if (line.at[0] == types[i].sign)
            reply.type = types[i].type;
    if (reply.type == REDIS_REPLY_STRING) {
        reply.str = (char *)line.at + 1;
        reply.len = line.len - 1;
    }
    return reply;
}

static void check_row(const struct work *work) {
    struct buffer line = BUFFER_EMPTY;
    struct log_row row = log_row_of_signal(EVENT_CREATED, &work->id, work->received_at_ms, &work->signal);
    char id[UUID_LENGTH];
    uuid_write(&work->id, id);
    log_row_write(&line, &row);
    FUZZ_CHECK(line.len <= LOG_ROW_MAX && utf8_valid(buffer_text(&line)));
    FUZZ_CHECK(
        log_row_read(TEXT_LITERAL("created"), (struct text){id, UUID_LENGTH}, buffer_text(&line), &row));
    FUZZ_CHECK(row.created_at_ms == work->received_at_ms);
    FUZZ_CHECK(text_equal(row.customer_id, work->signal.customer_id));
    buffer_fini(&line);
}

static void check_signal(struct work *work) {
    struct buffer json = BUFFER_EMPTY;
    struct writer writer;
    struct faults faults;
    struct signal again;
    writer_init(&writer, &json);
    signal_write(&writer, &work->signal);
    faults_init(&faults, &work->arena);
    FUZZ_CHECK(signal_read_stored(buffer_text(&json), &work->arena, &again, &faults) == STATUS_OK);
    FUZZ_CHECK(again.detected_at_ms == work->signal.detected_at_ms);
    buffer_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct work work;
    redisReply values[VALUES_MAX], *elements[VALUES_MAX];
    redisReply fields = {.type = REDIS_REPLY_ARRAY, .element = elements};
    for (struct text rest = fuzz_text(data, size); rest.len > 0 && fields.elements < VALUES_MAX;) {
        values[fields.elements] = read_value(fuzz_take(&rest, '\n'));
        elements[fields.elements] = &values[fields.elements];
        fields.elements++;
    }
    struct entry_fault fault;
    FUZZ_CHECK(parse_fields(&work, NULL, &fault) == ENTRY_UNREADABLE);
    if (parse_fields(&work, &fields, &fault) == ENTRY_READABLE) {
        check_signal(&work);
        check_row(&work);
    }
    buffer_fini(&work.signal_json);
    arena_fini(&work.arena);
    work = (struct work){0};
    return 0;
}

/* Fills a Redis with stored threats at once, past API and workers: bodies, index and log rows of recorded
 * threats under new ids, customers, addresses and severities, created one second apart up to now.
 *
 *     seed_threats --redis SOCKET --recording FILE --count 100000 */
#include <getopt.h>
#include <hiredis/hiredis.h>

#include "shared/model/log_row.h"
#include "shared/redis/keys.h"
#include "tests/bench/recorded_threat.h"
#include "tests/bench/resp.h"

enum { THREATS_PER_TRIP = 256, COMMANDS_PER_THREAT = 4, CUSTOMERS = 500, APART_MS = 1000, ANALYSIS_MS = 2 };

struct seeder {
    redisContext *redis;
    struct keyspace keys;
    struct recording recording;
    struct uuid_source ids;
    struct buffer command, text;
    long count;
};

static struct seeder seeder = {.count = 100000};

static const struct option option_rows[] = {
    {"redis", required_argument, NULL, 'r'},
    {"recording", required_argument, NULL, 'f'},
    {"count", required_argument, NULL, 'n'},
    {NULL, 0, NULL, 0},
};

static void read_options(int argc, char **argv) {
    for (int name; (name = getopt_long(argc, argv, "", option_rows, NULL)) != -1;) {
        switch (name) {
        case 'r': seeder.redis = redisConnectUnix(optarg); break;
        case 'f': recording_read(&seeder.recording, optarg); break;
        case 'n': seeder.count = atol(optarg); break;
        default: exit(2);
        }
    }
    if (seeder.redis == NULL || seeder.redis->err || seeder.recording.count == 0)
        bench_die("--redis SOCKET and --recording FILE are needed");
}

static void send_command(void) {
    redisAppendFormattedCommand(seeder.redis, seeder.command.at, seeder.command.len);
}

static void begin_command(unsigned arguments, const char *verb) {
    buffer_clear(&seeder.command);
    resp_begin(&seeder.command, arguments);
    resp_string(&seeder.command, verb);
}

static void store_body(const struct recorded_threat *recorded, const char *id, struct text key) {
    begin_command(4, "HSET");
    resp_text(&seeder.command, key);
    resp_string(&seeder.command, "data");
    buffer_clear(&seeder.text);
    recorded_threat_write(&seeder.text, recorded, recorded->body, id);
    resp_text(&seeder.command, buffer_text(&seeder.text));
    send_command();
}

static void store_index(int64_t created_at_ms, const char *id) {
    begin_command(4, "ZADD");
    resp_string(&seeder.command, keyspace_fixed(&seeder.keys, KEY_BY_CREATED));
    resp_signed(&seeder.command, created_at_ms);
    resp_text(&seeder.command, (struct text){id, UUID_LENGTH});
    send_command();
}

static void store_row(const struct log_row *row, const char *kind, const char *id) {
    begin_command(9, "XADD");
    resp_string(&seeder.command, keyspace_fixed(&seeder.keys, KEY_LOG));
    resp_string(&seeder.command, "*");
    resp_string(&seeder.command, "kind");
    resp_string(&seeder.command, kind);
    resp_string(&seeder.command, "id");
    resp_text(&seeder.command, (struct text){id, UUID_LENGTH});
    resp_string(&seeder.command, "row");
    buffer_clear(&seeder.text);
    log_row_write(&seeder.text, row);
    resp_text(&seeder.command, buffer_text(&seeder.text));
    send_command();
}

/* The recorded row as another customer's, from another address, at another time. */
static void store_rows(const struct recorded_threat *recorded, const char *id, int64_t created_at_ms,
                       long number) {
    char customer[32];
    struct log_row created, completed;
    if (!log_row_read(text_of("created"), recorded->id, recorded->created_row, &created) ||
        !log_row_read(text_of("completed"), recorded->id, recorded->completed_row, &completed))
        bench_die("a recorded row is not one of ours: %.*s", (int)recorded->completed_row.len,
                  recorded->completed_row.at);
    snprintf(customer, sizeof(customer), "customer-%ld", number % CUSTOMERS);
    created.created_at_ms = completed.created_at_ms = created_at_ms;
    completed.completed_at_ms = created_at_ms + ANALYSIS_MS;
    completed.severity = (enum severity)(number % SEVERITY_NONE);
    created.customer_id = completed.customer_id = text_of(customer);
    for (int i = 0; i < 2; i++)
        created.source_ip.bytes[15 - i] = completed.source_ip.bytes[15 - i] =
            (uint8_t)(number * 2654435761u >> 8 * i);
    store_row(&created, "created", id);
    store_row(&completed, "completed", id);
}

static void store_threat(long number, int64_t begin_ms) {
    const struct recorded_threat *recorded =
        &seeder.recording.threats[(size_t)number % seeder.recording.count];
    int64_t created_at_ms = begin_ms + number * APART_MS;
    struct uuid uuid = uuid_next(&seeder.ids, created_at_ms);
    struct buffer key = BUFFER_EMPTY;
    char id[UUID_LENGTH];
    uuid_write(&uuid, id);
    keyspace_threat(&seeder.keys, &uuid, &key);
    store_body(recorded, id, buffer_text(&key));
    store_index(created_at_ms, id);
    store_rows(recorded, id, created_at_ms, number);
    buffer_fini(&key);
}

static void read_replies(long count) {
    for (long i = 0; i < count; i++) {
        redisReply *reply = NULL;
        if (redisGetReply(seeder.redis, (void **)&reply) != REDIS_OK || reply->type == REDIS_REPLY_ERROR)
            bench_die("redis: %s", reply == NULL ? seeder.redis->errstr : reply->str);
        freeReplyObject(reply);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    keyspace_init(&seeder.keys, "");
    uuid_source_init(&seeder.ids);
    int64_t begin_ns = clock_monotonic_ns(), begin_ms = clock_wall_ms() - seeder.count * APART_MS;
    for (long done = 0; done < seeder.count;) {
        long trip = seeder.count - done < THREATS_PER_TRIP ? seeder.count - done : THREATS_PER_TRIP;
        for (long i = 0; i < trip; i++)
            store_threat(done + i, begin_ms);
        read_replies(trip * COMMANDS_PER_THREAT);
        done += trip;
    }
    printf("{\"count\":%ld,\"seconds\":%.3f}\n", seeder.count,
           bench_seconds(clock_monotonic_ns() - begin_ns));
    return 0;
}

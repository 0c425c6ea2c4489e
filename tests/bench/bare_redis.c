/* The yardstick for POST → analysed → stored → event: what the fleet asks of Redis for each threat, with the
 * same scripts, batches and bytes, and nothing else. No HTTP, no analysis; nothing waits that need not, so
 * that Redis is the only limit. Five connections, as API and worker have them between them: enqueue, intake
 * (XREADGROUP), commit (MGET of the histories, completion script), log (XREAD) and bodies (one HMGET an
 * event). One JSON object on stdout.
 *
 *     bare_redis --redis SOCKET --recording FILE --enqueue-script LUA --commit-script LUA
 *                [--count 20000] [--batch 64] [--in-flight 256] [--window 4096] [--no-events] */
#include <getopt.h>
#include <hiredis/hiredis.h>
#include <poll.h>

#include "tests/bench/replay.h"

#define CONSUMER "bare"

enum { LOG_COUNT = 1000, QUIET_LIMIT_MS = 10000, ENTRY_ID_ROOM = 48, TRIM_EVERY_MS = 1000 };

enum line { LINE_ENQUEUE, LINE_INTAKE, LINE_COMMIT, LINE_LOG, LINE_BODIES, LINE_COUNT };

struct bare {
    redisContext *lines[LINE_COUNT];
    struct replay replay;
    char log_position[ENTRY_ID_ROOM];
    const char *redis_path, *enqueue_script, *commit_script;
    long count, batch, in_flight, window;
    bool events, intake_waits, histories_came;
    long enqueued, taken, committed, bodies;
    int64_t trim_at_ms;
};

static struct bare bare = {
    .count = 20000, .batch = 64, .in_flight = 256, .window = 4096, .events = true, .log_position = "0-0"};

static const struct option option_rows[] = {
    {"redis", required_argument, NULL, 'r'},
    {"recording", required_argument, NULL, 'f'},
    {"enqueue-script", required_argument, NULL, 'e'},
    {"commit-script", required_argument, NULL, 'c'},
    {"count", required_argument, NULL, 'n'},
    {"batch", required_argument, NULL, 'b'},
    {"in-flight", required_argument, NULL, 'i'},
    {"window", required_argument, NULL, 'w'},
    {"no-events", no_argument, NULL, 'q'},
    {NULL, 0, NULL, 0},
};

static void set_option(int name, const char *value) {
    switch (name) {
    case 'r': bare.redis_path = value; break;
    case 'f': recording_read(&bare.replay.recording, value); break;
    case 'e': bare.enqueue_script = value; break;
    case 'c': bare.commit_script = value; break;
    case 'n': bare.count = atol(value); break;
    case 'b': bare.batch = atol(value); break;
    case 'i': bare.in_flight = atol(value); break;
    case 'w': bare.window = atol(value); break;
    case 'q': bare.events = false; break;
    default: exit(2);
    }
}

static void read_options(int argc, char **argv) {
    for (int name; (name = getopt_long(argc, argv, "", option_rows, NULL)) != -1;)
        set_option(name, optarg);
    if (bare.redis_path == NULL || bare.replay.recording.count == 0 || bare.enqueue_script == NULL ||
        bare.commit_script == NULL)
        bench_die("--redis, --recording, --enqueue-script and --commit-script are needed");
    if (bare.count <= 0 || bare.batch <= 0 || bare.in_flight <= 0 || bare.window < bare.batch)
        bench_die("counts are positive, and --window is not below --batch");
}

static void send_command(enum line line) {
    const struct buffer *command = &bare.replay.command;
    redisAppendFormattedCommand(bare.lines[line], command->at, command->len);
}

static void enqueue(void) {
    long left = bare.count - bare.enqueued, count = left < bare.batch ? left : bare.batch;
    replay_enqueue(&bare.replay, bare.enqueued, count);
    bare.enqueued += count;
    send_command(LINE_ENQUEUE);
}

static void take_entries(void) {
    struct buffer *command = &bare.replay.command;
    replay_begin(&bare.replay, 11, "XREADGROUP");
    resp_string(command, "GROUP");
    resp_string(command, CONSUMER_GROUP);
    resp_string(command, CONSUMER);
    resp_string(command, "COUNT");
    resp_signed(command, bare.batch);
    resp_string(command, "BLOCK");
    resp_string(command, "1000");
    resp_string(command, "STREAMS");
    replay_add_fixed(&bare.replay, KEY_STREAM);
    resp_string(command, ">");
    bare.intake_waits = true;
    send_command(LINE_INTAKE);
}

static void follow_log(void) {
    struct buffer *command = &bare.replay.command;
    replay_begin(&bare.replay, 8, "XREAD");
    resp_string(command, "COUNT");
    resp_signed(command, LOG_COUNT);
    resp_string(command, "BLOCK");
    resp_string(command, "1000");
    resp_string(command, "STREAMS");
    replay_add_fixed(&bare.replay, KEY_LOG);
    resp_string(command, bare.log_position);
    send_command(LINE_LOG);
}

static void read_body(struct text id) {
    replay_begin(&bare.replay, 4, "HMGET");
    replay_add_threat_key(&bare.replay, id);
    resp_string(&bare.replay.command, "data");
    resp_string(&bare.replay.command, "verdict");
    send_command(LINE_BODIES);
}

/* The entries of the one stream that was read; NULL when the wait ended empty. */
static const redisReply *stream_entries(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 ? reply->element[0]->element[1] : NULL;
}

/* Behind the commit of the batch that ends with `entry`: all before it is acknowledged by then. */
static void trim(struct text entry) {
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < bare.trim_at_ms)
        return;
    bare.trim_at_ms = now_ms + TRIM_EVERY_MS;
    replay_begin(&bare.replay, 4, "XTRIM");
    replay_add_fixed(&bare.replay, KEY_STREAM);
    resp_string(&bare.replay.command, "MINID");
    resp_text(&bare.replay.command, entry);
    send_command(LINE_COMMIT);
}

/* One consumer reads one producer's stream: entries come in the order of their numbers. */
static void on_entries(const redisReply *reply) {
    const redisReply *entries = stream_entries(reply);
    bare.intake_waits = false;
    if (entries == NULL)
        return;
    replay_histories(&bare.replay, bare.taken, entries->elements);
    send_command(LINE_COMMIT);
    replay_commit(&bare.replay, CONSUMER, bare.taken, entries);
    send_command(LINE_COMMIT);
    const redisReply *last = entries->element[entries->elements - 1]->element[0];
    trim((struct text){last->str, last->len});
    bare.taken += (long)entries->elements;
}

/* Answers of the commit line come in turn, histories and the script's; a trim's is a number. */
static void on_commit(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_INTEGER)
        return;
    bare.histories_came = !bare.histories_came;
    if (bare.histories_came)
        return;
    for (size_t i = 0; i < reply->elements; i++)
        if (strcmp(reply->element[i]->str, "OK") != 0)
            bench_die("commit: %s", reply->element[i]->str);
    bare.committed += (long)reply->elements;
}

static void on_log(const redisReply *reply) {
    const redisReply *entries = stream_entries(reply);
    for (size_t i = 0; entries != NULL && i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1]; /* kind, …, id, …, row, … */
        snprintf(bare.log_position, sizeof(bare.log_position), "%s", entries->element[i]->element[0]->str);
        if (strcmp(fields->element[1]->str, "completed") == 0)
            read_body((struct text){fields->element[3]->str, fields->element[3]->len});
    }
    follow_log();
}

static void on_reply(enum line line, const redisReply *reply) {
    if (reply->type == REDIS_REPLY_ERROR)
        bench_die("redis: %s", reply->str);
    switch (line) {
    case LINE_INTAKE: on_entries(reply); break;
    case LINE_COMMIT: on_commit(reply); break;
    case LINE_LOG: on_log(reply); break;
    case LINE_BODIES: bare.bodies += reply->element[0]->type == REDIS_REPLY_STRING; break;
    default: break;
    }
}

static void read_replies(enum line line) {
    redisContext *redis = bare.lines[line];
    redisReply *reply = NULL;
    if (redisBufferRead(redis) != REDIS_OK)
        bench_die("redis: %s", redis->errstr);
    while (redisReaderGetReply(redis->reader, (void **)&reply) == REDIS_OK && reply != NULL) {
        on_reply(line, reply);
        freeReplyObject(reply);
    }
}

static void feed(void) {
    while (bare.enqueued < bare.count && bare.enqueued + bare.batch - bare.committed <= bare.window)
        enqueue();
    if (!bare.intake_waits && bare.taken < bare.count && bare.taken - bare.committed < bare.in_flight)
        take_entries();
}

static void turn(void) {
    struct pollfd ready[LINE_COUNT];
    feed();
    for (int line = 0; line < LINE_COUNT; line++) {
        int done = 0;
        if (redisBufferWrite(bare.lines[line], &done) != REDIS_OK)
            bench_die("redis: %s", bare.lines[line]->errstr);
        ready[line] = (struct pollfd){bare.lines[line]->fd, (short)(done ? POLLIN : POLLIN | POLLOUT), 0};
    }
    if (poll(ready, LINE_COUNT, QUIET_LIMIT_MS) <= 0)
        bench_die("nothing came for %d s: %ld enqueued, %ld taken, %ld committed, %ld bodies",
                  QUIET_LIMIT_MS / 1000, bare.enqueued, bare.taken, bare.committed, bare.bodies);
    for (int line = 0; line < LINE_COUNT; line++)
        if (ready[line].revents & ~POLLOUT)
            read_replies((enum line)line);
}

static void load_script(redisContext *redis, const char *path, char *sha) {
    struct bench_lines script;
    bench_lines_read(&script, path);
    redisReply *reply = redisCommand(redis, "SCRIPT LOAD %b", script.bytes.at, script.bytes.len);
    if (reply == NULL || reply->type != REDIS_REPLY_STRING)
        bench_die("%s: %s", path, reply == NULL ? redis->errstr : reply->str);
    snprintf(sha, REPLAY_SHA_ROOM, "%s", reply->str);
    freeReplyObject(reply);
    bench_lines_fini(&script);
}

static void prepare(void) {
    replay_init(&bare.replay, bare.count);
    redisContext *redis = redisConnectUnix(bare.redis_path);
    if (redis == NULL || redis->err)
        bench_die("redis: %s", redis == NULL ? "no memory" : redis->errstr);
    load_script(redis, bare.enqueue_script, bare.replay.enqueue_sha);
    load_script(redis, bare.commit_script, bare.replay.commit_sha);
    freeReplyObject(redisCommand(redis, "XGROUP CREATE %s %s 0 MKSTREAM",
                                 keyspace_fixed(&bare.replay.keys, KEY_STREAM), CONSUMER_GROUP));
    redisFree(redis);
    for (int line = 0; line < LINE_COUNT; line++)
        bare.lines[line] = redisConnectUnixNonBlock(bare.redis_path);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    prepare();
    int64_t begin_ns = clock_monotonic_ns(), cpu_ns = bench_cpu_ns();
    if (bare.events)
        follow_log();
    while (bare.committed < bare.count || (bare.events && bare.bodies < bare.count))
        turn();
    double seconds = bench_seconds(clock_monotonic_ns() - begin_ns);
    printf("{\"count\":%ld,\"seconds\":%.6f,\"rate\":%.1f,\"cpu_fraction\":%.3f}\n", bare.count, seconds,
           (double)bare.count / seconds, bench_seconds(bench_cpu_ns() - cpu_ns) / seconds);
    return 0;
}

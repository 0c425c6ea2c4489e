#include "shared/telemetry/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/utf8.h"
#include "shared/json/writer.h"

enum { VALUE_MAX = 1024, DECIMALS = 3 };

/* A write of at most PIPE_BUF bytes to a pipe is all or nothing (POSIX), so the lines of programs that share
 * a pipe never mix. */
enum { LINE_MAX_BYTES = PIPE_BUF };

#define TRUNCATED ",\"truncated\":true}\n"

static const char *const levels[LOG_LEVEL_COUNT] = {"debug", "info", "warning", "error"};

static const struct {
    enum log_level level;
    const char *message;
} rows[LOG_EVENT_COUNT] = {
    [LOG_STARTED] = {LOG_LEVEL_INFO, "started"},
    [LOG_STOPPING] = {LOG_LEVEL_INFO, "stopping"},
    [LOG_STOPPED] = {LOG_LEVEL_INFO, "stopped"},
    [LOG_REDIS_UP] = {LOG_LEVEL_INFO, "redis is up"},
    [LOG_REDIS_DOWN] = {LOG_LEVEL_WARNING, "redis is down"},
    [LOG_MASTER_FOUND] = {LOG_LEVEL_INFO, "master found"},
    [LOG_MASTER_UNKNOWN] = {LOG_LEVEL_WARNING, "sentinel does not know the master"},
    [LOG_REDIS_REPLY] = {LOG_LEVEL_ERROR, "unexpected reply from redis"},
    [LOG_WRONG_TYPE] = {LOG_LEVEL_ERROR, "a key in redis holds another type: move it out of the way"},
    [LOG_GROUP_CREATED] = {LOG_LEVEL_WARNING, "consumer group created"},
    [LOG_CATALOG_READY] = {LOG_LEVEL_INFO, "catalog is ready"},
    [LOG_CATALOG_RESET] = {LOG_LEVEL_WARNING, "catalog is read again from the start"},
    [LOG_THREAT_COMPLETED] = {LOG_LEVEL_DEBUG, "threat analysed"},
    [LOG_AGENT_UNAVAILABLE] = {LOG_LEVEL_WARNING, "agent unavailable"},
    [LOG_ENTRY_FENCED] = {LOG_LEVEL_WARNING, "entry belongs to another consumer now, or is finished"},
    [LOG_ENTRY_BURIED] = {LOG_LEVEL_ERROR, "entry moved to the dead letters"},
    [LOG_ENTRIES_CLAIMED] = {LOG_LEVEL_INFO, "entries of another consumer claimed"},
    [LOG_ENTRIES_RELEASED] = {LOG_LEVEL_INFO, "entries handed back"},
    [LOG_ENTRIES_REGAINED] = {LOG_LEVEL_WARNING, "entries that the group passed over taken back"},
    [LOG_ENTRIES_TRIMMED] = {LOG_LEVEL_ERROR,
                             "entries were deleted from the stream before they were finished"},
    [LOG_LETTERS_REPLAYED] = {LOG_LEVEL_INFO, "dead letters are on the stream again"},
    [LOG_LETTERS_DROPPED] = {LOG_LEVEL_ERROR, "oldest dead letters fell out"},
    [LOG_CONSUMERS_REMOVED] = {LOG_LEVEL_INFO, "consumers removed"},
    [LOG_CONTEXT_LOADED] = {LOG_LEVEL_INFO, "context loaded"},
    [LOG_CONTEXT_COMPLAINT] = {LOG_LEVEL_WARNING, "context record is not usable"},
    [LOG_COLLECTOR_DOWN] = {LOG_LEVEL_WARNING, "the collector takes no spans"},
    [LOG_COLLECTOR_UP] = {LOG_LEVEL_INFO, "the collector takes spans again"},
    [LOG_INTAKE_CLOSED] = {LOG_LEVEL_WARNING, "signals are refused"},
    [LOG_INTAKE_OPEN] = {LOG_LEVEL_INFO, "signals are taken again"},
    [LOG_CLOCKS_APART] = {LOG_LEVEL_WARNING, "nothing expires by age: redis' clock and ours are hours apart"},
    [LOG_WEBSOCKET_DROPPED] = {LOG_LEVEL_INFO, "websocket client dropped"},
};

static const char *name = "soc";
static enum log_level least = LOG_LEVEL_INFO;
static uint64_t dropped;

bool log_init(const char *component, const char *level) {
    name = component;
    for (int i = 0; i < LOG_LEVEL_COUNT; i++)
        if (text_equal_ignoring_case(text_of(level), text_of(levels[i]))) {
            least = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_wants(enum log_event event) {
    return rows[event].level >= least;
}

uint64_t log_dropped(void) {
    return dropped;
}

/* At most VALUE_MAX bytes of it, each byte that is not UTF-8 replaced by U+FFFD. */
static struct text clean_text(struct text raw, char *out) {
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t len = 0;
    for (size_t i = 0; i < raw.len;) {
        size_t good = utf8_sequence(raw.at + i, raw.len - i);
        size_t more = good == 0 ? sizeof(replacement) - 1 : good;
        if (len + more > VALUE_MAX)
            break;
        memcpy(out + len, good == 0 ? replacement : raw.at + i, more);
        len += more;
        i += good == 0 ? 1 : good;
    }
    return (struct text){out, len};
}

static void write_field(struct writer *writer, const struct log_field *field) {
    char clean[VALUE_MAX];
    writer_key(writer, field->key);
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        if (field->text.at == NULL)
            writer_null(writer);
        else
            writer_text(writer, clean_text(field->text, clean));
        break;
    case LOG_FIELD_SIGNED: writer_signed(writer, field->number); break;
    case LOG_FIELD_DECIMAL: writer_decimal(writer, field->decimal, DECIMALS); break;
    }
}

static void build_line(struct buffer *line, enum log_event event, const struct log_field *fields,
                       unsigned count) {
    struct writer writer;
    buffer_clear(line);
    writer_init(&writer, line);
    writer_open_object(&writer);
    writer_member_time(&writer, "timestamp", clock_wall_ms());
    writer_member_string(&writer, "level", levels[rows[event].level]);
    writer_member_string(&writer, "message", rows[event].message);
    writer_member_string(&writer, "component", name);
    for (unsigned i = 0; i < count; i++) {
        size_t before = line->len;
        write_field(&writer, &fields[i]);
        if (line->len > LINE_MAX_BYTES - (sizeof(TRUNCATED) - 1)) {
            line->len = before;
            buffer_append_string(line, TRUNCATED);
            return;
        }
    }
    writer_close_object(&writer);
    buffer_append_char(line, '\n');
}

/* Asks first: O_NONBLOCK would change the pipe or terminal for everybody who shares it. */
static bool send_line(struct text line) {
    struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
    if (poll(&out, 1, 0) == 0)
        return false;
    ssize_t done;
    do
        done = write(STDOUT_FILENO, line.at, line.len);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)line.len;
}

void log_write_fields(enum log_event event, const struct log_field *fields, unsigned count) {
    static struct buffer line;
    if (!log_wants(event))
        return;
    int saved = errno;
    build_line(&line, event, fields, count);
    dropped += !send_line(buffer_text(&line));
    errno = saved;
}

#include "shared/telemetry/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/utf8.h"
#include "shared/json/writer.h"
#include "shared/telemetry/log_events.h"
#include "shared/telemetry/log_repeats.h"

enum { VALUE_MAX = 1024, DECIMALS = 3 };

/* A write of at most PIPE_BUF bytes to a pipe is all or nothing (POSIX), so the lines of programs that share
 * a pipe never mix. */
enum { LINE_MAX_BYTES = PIPE_BUF };

#define TRUNCATED ",\"truncated\":true}\n"

static const char *name = "soc";
static enum log_level least = LOG_LEVEL_INFO;
static uint64_t dropped;
static int out_fd = STDOUT_FILENO;

/* O_NONBLOCK on stdout itself would change the pipe for everybody who shares it; opened once more, it is ours
 * alone. Where that is not allowed, and for a terminal or a socket, send_line asks first. */
static void open_out(void) {
    struct stat status;
    if (out_fd != STDOUT_FILENO)
        close(out_fd);
    out_fd = STDOUT_FILENO;
    if (fstat(STDOUT_FILENO, &status) != 0 || !S_ISFIFO(status.st_mode))
        return;
    int own = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (own != -1)
        out_fd = own;
}

bool log_init(const char *component, const char *level) {
    name = component;
    open_out();
    repeats_clear();
    for (int i = 0; i < LOG_LEVEL_COUNT; i++)
        if (text_equal_ignoring_case(text_of(level), text_of(log_levels.words[i]))) {
            least = (enum log_level)i;
            return true;
        }
    return false;
}

enum log_level log_level(void) {
    return least;
}

void log_set_level(enum log_level level) {
    least = level;
}

const char *log_level_word(enum log_level level) {
    return vocabulary_word(&log_levels, (int)level);
}

bool log_wants(enum log_event event) {
    return log_events[event].level >= least;
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

static void begin_line(struct writer *writer, struct buffer *line, enum log_event event, uint64_t left_out) {
    buffer_clear(line);
    writer_init(writer, line);
    writer_open_object(writer);
    writer_member_time(writer, "timestamp", clock_wall_ms());
    writer_member_string(writer, "level", log_level_word(log_events[event].level));
    writer_member_string(writer, "message", log_events[event].message);
    writer_member_string(writer, "component", name);
    if (left_out > 0)
        writer_member_signed(writer, "left_out", (int64_t)left_out);
}

static void end_line(struct writer *writer) {
    writer_close_object(writer);
    buffer_append_char(writer->out, '\n');
}

static void build_line(struct buffer *line, enum log_event event, const struct log_field *fields,
                       unsigned count, uint64_t left_out) {
    struct writer writer;
    begin_line(&writer, line, event, left_out);
    for (unsigned i = 0; i < count; i++) {
        size_t before = line->len;
        write_field(&writer, &fields[i]);
        if (line->len > LINE_MAX_BYTES - (sizeof(TRUNCATED) - 1)) {
            line->len = before;
            buffer_append_string(line, TRUNCATED);
            return;
        }
    }
    end_line(&writer);
}

static bool send_line(struct text line) {
    struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
    if (out_fd == STDOUT_FILENO && poll(&out, 1, 0) == 0)
        return false;
    ssize_t done;
    do
        done = write(out_fd, line.at, line.len);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)line.len;
}

static void write_line(const struct buffer *line) {
    dropped += !send_line(buffer_text(line));
}

static bool is_word_of(const char *words, const char *word) {
    size_t len = strlen(word);
    for (const char *at = words, *end; *at != '\0'; at = end + (*end != '\0')) {
        end = strchrnul(at, ' ');
        if ((size_t)(end - at) == len && memcmp(at, word, len) == 0)
            return true;
    }
    return false;
}

/* The fields by which the event repeats, as they stand in its line. */
static struct text find_key(const char *once_by, const struct log_field *fields, unsigned count) {
    static struct buffer key;
    struct writer writer;
    buffer_clear(&key);
    writer_init(&writer, &key);
    for (unsigned i = 0; i < count; i++)
        if (is_word_of(once_by, fields[i].key))
            write_field(&writer, &fields[i]);
    return buffer_text(&key);
}

static void tell_left_out(enum log_event event, struct text key, uint64_t left_out) {
    static struct buffer line;
    struct writer writer;
    if (!log_wants(event))
        return;
    begin_line(&writer, &line, event, left_out);
    if (key.len > 0) {
        buffer_append_char(&line, ',');
        buffer_append_text(&line, key);
    }
    end_line(&writer);
    write_line(&line);
}

void log_write_fields(enum log_event event, const struct log_field *fields, unsigned count) {
    static struct buffer line;
    const char *once_by = log_events[event].once_by;
    uint64_t left_out = 0;
    if (!log_wants(event))
        return;
    int saved = errno;
    if (once_by == NULL || repeats_admit(event, find_key(once_by, fields, count), clock_monotonic_ms(),
                                         tell_left_out, &left_out)) {
        build_line(&line, event, fields, count, left_out);
        write_line(&line);
    }
    errno = saved;
}

void log_tick(int64_t now_ms) {
    repeats_tick(now_ms, tell_left_out);
}

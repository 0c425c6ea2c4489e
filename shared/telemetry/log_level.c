#include "shared/telemetry/log_level.h"

#include <signal.h>

#include "shared/base/clock.h"
#include "shared/json/writer.h"
#include "shared/model/json_scan.h"
#include "shared/telemetry/log_events.h"

static enum log_level configured, lasting;
static int64_t until_ms; /* 0: the level in force is the lasting one */

/* How often each was asked for, written by the handler only, and how often it was done. */
static volatile sig_atomic_t more_asked, fewer_asked;
static sig_atomic_t more_done, fewer_done;

static void on_signal(int number) {
    if (number == SIGUSR1)
        more_asked = (sig_atomic_t)((unsigned)more_asked + 1);
    else
        fewer_asked = (sig_atomic_t)((unsigned)fewer_asked + 1);
}

void log_level_init(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    configured = lasting = log_level();
    until_ms = 0;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
}

/* --- the body of a PUT --- */

static void read_level(struct json_scan *scan, const struct text *name) {
    int level;
    if (scan_word(scan, name, &log_levels, &level))
        ((struct log_level_change *)scan->into)->level = (enum log_level)level;
}

static void read_for_seconds(struct json_scan *scan, const struct text *name) {
    struct log_level_change *change = scan->into;
    if (!scan_null(scan))
        scan_integer(scan, name, 1, LOG_LEVEL_SECONDS_MAX, &change->for_seconds);
}

bool log_level_read(struct text json, struct arena *arena, struct log_level_change *change,
                    struct faults *faults) {
    static const struct scan_member members[] = {
        {"level", true, read_level},
        {"for_seconds", false, read_for_seconds},
        {NULL, false, NULL},
    };
    struct json_scan scan;
    *change = (struct log_level_change){LOG_LEVEL_INFO, 0};
    scan_init(&scan, json, arena, faults, change);
    scan_object(&scan, members, "a log level");
    return scan_finish(&scan);
}

/* --- changing --- */

static void tell(enum log_level from, enum log_level to, int64_t for_seconds, const char *by) {
    log_set_level(from < to ? from : to);
    log_write(LOG_LEVEL_CHANGED, LOG_STRING("from", log_level_word(from)),
              LOG_STRING("to", log_level_word(to)), LOG_NUMBER("for_seconds", for_seconds),
              LOG_STRING("by", by));
    log_set_level(to);
}

void log_level_apply(const struct log_level_change *change, const char *by, int64_t now_ms) {
    enum log_level from = log_level();
    if (change->for_seconds == 0)
        lasting = change->level;
    until_ms = change->for_seconds == 0 ? 0 : now_ms + change->for_seconds * 1000;
    tell(from, change->level, change->for_seconds, by);
}

static void step(int by, int64_t now_ms) {
    int level = (int)log_level() + by;
    struct log_level_change change = {.for_seconds = 0};
    if (level < 0 || level >= LOG_LEVEL_COUNT)
        level = (int)log_level();
    change.level = (enum log_level)level;
    log_level_apply(&change, "signal", now_ms);
}

void log_level_tick(int64_t now_ms) {
    for (; more_done != more_asked; more_done = (sig_atomic_t)((unsigned)more_done + 1))
        step(-1, now_ms);
    for (; fewer_done != fewer_asked; fewer_done = (sig_atomic_t)((unsigned)fewer_done + 1))
        step(+1, now_ms);
    if (until_ms != 0 && now_ms >= until_ms) {
        struct log_level_change back = {lasting, 0};
        log_level_apply(&back, "expiry", now_ms);
    }
}

void log_level_write(struct buffer *out, int64_t now_ms) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_string(&writer, "level", log_level_word(log_level()));
    writer_key(&writer, "until");
    if (until_ms == 0)
        writer_null(&writer);
    else
        writer_time(&writer, clock_wall_ms() + until_ms - now_ms);
    writer_key(&writer, "then");
    if (until_ms == 0)
        writer_null(&writer);
    else
        writer_string(&writer, log_level_word(lasting));
    writer_member_string(&writer, "configured", log_level_word(configured));
    writer_close_object(&writer);
}

/* The log's level while the program runs: asked for over HTTP, or by SIGUSR1 (more lines) and SIGUSR2
 * (fewer). Each change is a line of the log, written when either level admits warnings. A change may have an
 * end, after which the level is again what was last asked for without one. */
#ifndef SOC_TELEMETRY_LOG_LEVEL_H
#define SOC_TELEMETRY_LOG_LEVEL_H

#include "shared/base/buffer.h"
#include "shared/model/fault.h"
#include "shared/telemetry/log.h"

enum { LOG_LEVEL_BODY_MAX = 1024, LOG_LEVEL_SECONDS_MAX = 86400 };

struct log_level_change {
    enum log_level level;
    int64_t for_seconds; /* 0: until the next change */
};

/* After log_init, whose level is the configured one. Catches the two signals. */
void log_level_init(void);

/* `{"level":…,"for_seconds":…}`; false with what is wrong in `faults`. */
bool log_level_read(struct text json, struct arena *arena, struct log_level_change *change,
                    struct faults *faults);

/* `by` is a word for the log. Times are monotonic. */
void log_level_apply(const struct log_level_change *change, const char *by, int64_t now_ms);

/* `{"level","until","then","configured"}`, the middle ones null when the level has no end. */
void log_level_write(struct buffer *out, int64_t now_ms);

/* Does what signals have asked for, and ends what is over; from the loop. */
void log_level_tick(int64_t now_ms);

#endif

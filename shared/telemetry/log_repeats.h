/* What was logged within the last second, so that an error that lasts is loud and drowns nothing. A key is an
 * event with the fields by which it repeats; the oldest of many keys makes room. */
#ifndef SOC_TELEMETRY_LOG_REPEATS_H
#define SOC_TELEMETRY_LOG_REPEATS_H

#include "shared/telemetry/log.h"

enum { REPEATS_MAX = 128, REPEAT_KEY_MAX = 256, REPEAT_QUIET_MS = 1000 };

/* `left_out` lines of this key were not written, and no other will tell of them. */
typedef void (*repeats_tell)(enum log_event event, struct text key, uint64_t left_out);

/* May it be written? `left_out` is how many were not since the last one. A key over REPEAT_KEY_MAX counts as
 * an empty one. */
bool repeats_admit(enum log_event event, struct text key, int64_t now_ms, repeats_tell tell,
                   uint64_t *left_out);

/* Tells of keys that are quiet since. */
void repeats_tick(int64_t now_ms, repeats_tell tell);

void repeats_clear(void);

#endif

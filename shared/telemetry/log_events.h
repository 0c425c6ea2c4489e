/* The table of log events: the README shows it, and a test holds the calls in the sources against it. */
#ifndef SOC_TELEMETRY_LOG_EVENTS_H
#define SOC_TELEMETRY_LOG_EVENTS_H

#include <stdio.h>

#include "shared/config/settings.h"
#include "shared/model/vocabulary.h"
#include "shared/telemetry/log.h"

struct log_event_row {
    const char *message; /* stable: searches and alerts go by it */
    enum log_level level;
    unsigned programs;
    const char *fields;  /* in the order in which they are written, blanks between; any may be absent */
    const char *once_by; /* NULL: each is written. Else one line a second for each value of these fields, of
                            which "" is none: the event alone */
    const char *action;  /* what whoever reads it does about it */
};

extern const struct log_event_row log_events[LOG_EVENT_COUNT];

extern const struct vocabulary log_levels; /* in the order of enum log_level */

/* Those of the program: message, level, fields, once_by and action with tabs between, one a line; "-" in
 * place of nothing. */
void log_events_print(enum program program, FILE *out);

#endif

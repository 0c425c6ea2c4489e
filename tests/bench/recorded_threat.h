/* Threats as the running fleet stored them, recorded by scripts/bench so that the bare programs move the same
 * bytes: one line each, tab-separated, in the order of the members below. */
#ifndef SOC_BENCH_RECORDED_THREAT_H
#define SOC_BENCH_RECORDED_THREAT_H

#include "shared/base/uuid.h"
#include "tests/bench/bench_util.h"

enum { RECORDED_HISTORY_KEYS = 3 };

struct recorded_threat {
    struct text id;            /* stands in all that follows and is replaced by the new threat's */
    struct text signal;        /* as it stood on the stream */
    struct text body;          /* threat:{id} data */
    struct text created_row;   /* threats:log */
    struct text completed_row; /* threats:log */
    struct text history_case;  /* what the completion adds to each history */
    struct text history_keys[RECORDED_HISTORY_KEYS];
    unsigned history_count;
};

struct recording {
    struct bench_lines file;
    struct recorded_threat *threats;
    size_t count;
};

static inline struct text recording_field(struct text *line) {
    const char *tab = memchr(line->at, '\t', line->len);
    struct text field = {line->at, tab == NULL ? line->len : (size_t)(tab - line->at)};
    size_t skip = tab == NULL ? field.len : field.len + 1;
    *line = (struct text){line->at + skip, line->len - skip};
    return field;
}

static inline void recording_read(struct recording *recording, const char *path) {
    bench_lines_read(&recording->file, path);
    recording->count = recording->file.count;
    recording->threats = calloc(recording->count, sizeof(*recording->threats));
    for (size_t i = 0; i < recording->count; i++) {
        struct recorded_threat *threat = &recording->threats[i];
        struct text line = recording->file.lines[i];
        threat->id = recording_field(&line);
        threat->signal = recording_field(&line);
        threat->body = recording_field(&line);
        threat->created_row = recording_field(&line);
        threat->completed_row = recording_field(&line);
        threat->history_case = recording_field(&line);
        while (line.len > 0 && threat->history_count < RECORDED_HISTORY_KEYS)
            threat->history_keys[threat->history_count++] = recording_field(&line);
        if (threat->id.len != UUID_LENGTH || threat->history_count == 0)
            bench_die("%s: line %zu is not a recorded threat", path, i + 1);
    }
}

/* Appends `text` with the recorded id replaced by `id` (UUID_LENGTH characters). */
static inline void recorded_threat_write(struct buffer *out, const struct recorded_threat *threat,
                                         struct text text, const char *id) {
    size_t begin = out->len;
    buffer_append_text(out, text);
    char *at = out->at + begin, *end = out->at + out->len;
    while ((at = memmem(at, (size_t)(end - at), threat->id.at, threat->id.len)) != NULL) {
        memcpy(at, id, UUID_LENGTH);
        at += UUID_LENGTH;
    }
}

#endif

#include "shared/model/history.h"

enum { HEAD_FIELDS = 5, CASE_FIELDS = 6, FIELDS_MAX = 6 };

static const uint64_t COUNT_MAX = UINT64_C(1) << 53; /* what a Lua number counts exactly */

/* Cuts at every `separator`; the count of pieces, or max + 1 when there are more than `max`. */
static unsigned split(struct text text, char separator, struct text *pieces, unsigned max) {
    unsigned count = 0;
    for (;;) {
        const char *end = text.len == 0 ? NULL : memchr(text.at, separator, text.len);
        if (count == max)
            return max + 1;
        size_t len = end == NULL ? text.len : (size_t)(end - text.at);
        pieces[count++] = (struct text){text.at, len};
        if (end == NULL)
            return count;
        text = (struct text){end + 1, text.len - len - 1};
    }
}

static bool read_number(struct text text, uint64_t max, uint64_t *value) {
    unsigned long long number;
    if (!text_to_unsigned(text, max, &number))
        return false;
    *value = number;
    return true;
}

static bool read_time(struct text text, int64_t *ms) {
    uint64_t value;
    if (!read_number(text, COUNT_MAX, &value))
        return false;
    *ms = (int64_t)value;
    return true;
}

static bool read_head(struct text text, struct history *history) {
    struct text field[FIELDS_MAX];
    return split(text, ' ', field, HEAD_FIELDS) == HEAD_FIELDS &&
           read_number(field[0], COUNT_MAX, &history->total) &&
           read_number(field[1], COUNT_MAX, &history->false_positives) &&
           read_number(field[2], COUNT_MAX, &history->true_positives) &&
           read_time(field[3], &history->first_ms) && read_time(field[4], &history->last_ms);
}

static bool read_case(struct text text, struct history_case *read) {
    struct text field[FIELDS_MAX];
    struct uuid id;
    uint64_t fp_milli;
    if (split(text, ' ', field, CASE_FIELDS) != CASE_FIELDS || !uuid_parse(field[0], &id) ||
        !read_time(field[1], &read->created_at_ms) || !read_number(field[4], 1000, &fp_milli))
        return false;
    int type = vocabulary_find(&vocabulary_threat_type, field[2]);
    int severity = text_is(field[3], "-") ? SEVERITY_NONE : vocabulary_find(&vocabulary_severity, field[3]);
    int verdict = vocabulary_find(&vocabulary_verdict, field[5]);
    if (type < 0 || severity < 0 || verdict < 0)
        return false;
    memcpy(read->id, field[0].at, UUID_LENGTH);
    read->threat_type = (enum threat_type)type;
    read->severity = (enum severity)severity;
    read->fp_milli = (unsigned)fp_milli;
    read->verdict = (enum verdict)verdict;
    return true;
}

bool history_read(struct text text, struct history *history) {
    struct text piece[1 + HISTORY_RECENT_MAX];
    struct history read = {0};
    *history = read;
    if (text.len == 0)
        return true;
    unsigned pieces = split(text, '|', piece, 1 + HISTORY_RECENT_MAX);
    if (pieces > 1 + HISTORY_RECENT_MAX || !read_head(piece[0], &read))
        return false;
    for (; read.recent_count < pieces - 1; read.recent_count++)
        if (!read_case(piece[1 + read.recent_count], &read.recent[read.recent_count]))
            return false;
    *history = read;
    return true;
}

static void write_case(struct buffer *out, const struct history_case *written) {
    buffer_append_char(out, '|');
    buffer_append(out, written->id, UUID_LENGTH);
    buffer_append_char(out, ' ');
    buffer_append_signed(out, written->created_at_ms);
    buffer_append_char(out, ' ');
    buffer_append_string(out, vocabulary_word(&vocabulary_threat_type, (int)written->threat_type));
    buffer_append_char(out, ' ');
    buffer_append_string(out, written->severity == SEVERITY_NONE
                                  ? "-"
                                  : vocabulary_word(&vocabulary_severity, (int)written->severity));
    buffer_append_char(out, ' ');
    buffer_append_unsigned(out, written->fp_milli);
    buffer_append_char(out, ' ');
    buffer_append_string(out, vocabulary_word(&vocabulary_verdict, (int)written->verdict));
}

void history_write(struct buffer *out, const struct history *history) {
    buffer_append_unsigned(out, history->total);
    buffer_append_char(out, ' ');
    buffer_append_unsigned(out, history->false_positives);
    buffer_append_char(out, ' ');
    buffer_append_unsigned(out, history->true_positives);
    buffer_append_char(out, ' ');
    buffer_append_signed(out, history->first_ms);
    buffer_append_char(out, ' ');
    buffer_append_signed(out, history->last_ms);
    for (unsigned i = 0; i < history->recent_count; i++)
        write_case(out, &history->recent[i]);
}

void history_add(struct history *history, const struct history_case *added) {
    bool first = history->total == 0;
    history->total++;
    history->false_positives += added->verdict == VERDICT_FALSE_POSITIVE;
    history->true_positives += added->verdict == VERDICT_TRUE_POSITIVE;
    if (first || added->created_at_ms < history->first_ms)
        history->first_ms = added->created_at_ms;
    if (first || added->created_at_ms > history->last_ms)
        history->last_ms = added->created_at_ms;
    unsigned kept =
        history->recent_count < HISTORY_RECENT_MAX ? history->recent_count : HISTORY_RECENT_MAX - 1;
    memmove(history->recent + 1, history->recent, kept * sizeof(history->recent[0]));
    history->recent[0] = *added;
    history->recent_count = kept + 1;
}

void history_keep_judged(struct history *history) {
    unsigned kept = 0;
    for (unsigned i = 0; i < history->recent_count; i++)
        if (history->recent[i].verdict != VERDICT_NONE)
            history->recent[kept++] = history->recent[i];
    history->recent_count = kept;
}

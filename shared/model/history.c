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

bool history_case_set_id(struct history_case *named, struct text id) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    if (id.len < 1 || id.len > HISTORY_CASE_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (memchr(allowed, id.at[i], sizeof(allowed) - 1) == NULL)
            return false;
    memcpy(named->id, id.at, id.len);
    named->id[id.len] = '\0';
    return true;
}

static bool read_case(struct text text, struct history_case *read) {
    struct text field[FIELDS_MAX];
    uint64_t fp_milli;
    if (split(text, ' ', field, CASE_FIELDS) != CASE_FIELDS || !history_case_set_id(read, field[0]) ||
        !read_time(field[1], &read->created_at_ms) || !read_number(field[4], 1000, &fp_milli))
        return false;
    int type = vocabulary_find(&vocabulary_threat_type, field[2]);
    int severity = text_is(field[3], "-") ? SEVERITY_NONE : vocabulary_find(&vocabulary_severity, field[3]);
    int verdict = vocabulary_find(&vocabulary_verdict, field[5]);
    if (type < 0 || severity < 0 || verdict < 0)
        return false;
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

void history_case_write(struct buffer *out, const struct history_case *written) {
    buffer_append_string(out, written->id);
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
    for (unsigned i = 0; i < history->recent_count; i++) {
        buffer_append_char(out, '|');
        history_case_write(out, &history->recent[i]);
    }
}

/* Of one too many: the last unjudged one, else the last. */
static unsigned one_to_drop(const struct history_case *cases) {
    unsigned at = HISTORY_RECENT_MAX;
    while (at > 0 && cases[at].verdict != VERDICT_NONE)
        at--;
    return cases[at].verdict == VERDICT_NONE ? at : HISTORY_RECENT_MAX;
}

static void insert(struct history *history, const struct history_case *added) {
    struct history_case cases[HISTORY_RECENT_MAX + 1];
    unsigned count = history->recent_count, at = 0, drop = HISTORY_RECENT_MAX;
    while (at < count && history->recent[at].created_at_ms > added->created_at_ms)
        at++;
    memcpy(cases, history->recent, at * sizeof(cases[0]));
    cases[at] = *added;
    memcpy(cases + at + 1, history->recent + at, (count - at) * sizeof(cases[0]));
    if (++count > HISTORY_RECENT_MAX) {
        drop = one_to_drop(cases);
        count--;
    }
    for (unsigned i = 0; i < count; i++)
        history->recent[i] = cases[i < drop ? i : i + 1];
    history->recent_count = count;
}

static uint64_t *count_of(struct history *history, enum verdict verdict) {
    return verdict == VERDICT_FALSE_POSITIVE ? &history->false_positives : &history->true_positives;
}

void history_add(struct history *history, const struct history_case *added) {
    bool first = history->total == 0;
    history->total++;
    if (added->verdict != VERDICT_NONE)
        ++*count_of(history, added->verdict);
    if (first || added->created_at_ms < history->first_ms)
        history->first_ms = added->created_at_ms;
    if (first || added->created_at_ms > history->last_ms)
        history->last_ms = added->created_at_ms;
    insert(history, added);
}

void history_judge(struct history *history, const struct history_case *judged, enum verdict before) {
    if (history->total == 0)
        history->first_ms = history->last_ms = judged->created_at_ms;
    if (before != VERDICT_NONE && *count_of(history, before) > 0)
        --*count_of(history, before);
    if (judged->verdict != VERDICT_NONE)
        ++*count_of(history, judged->verdict);
    uint64_t judged_count = history->false_positives + history->true_positives;
    if (history->total == 0 || history->total < judged_count)
        history->total = judged_count > 0 ? judged_count : 1;
    for (unsigned i = 0; i < history->recent_count; i++)
        if (strcmp(history->recent[i].id, judged->id) == 0) {
            history->recent[i] = *judged;
            return;
        }
    if (judged->verdict != VERDICT_NONE)
        insert(history, judged);
}

void history_keep_judged(struct history *history) {
    unsigned kept = 0;
    for (unsigned i = 0; i < history->recent_count; i++)
        if (history->recent[i].verdict != VERDICT_NONE)
            history->recent[kept++] = history->recent[i];
    history->recent_count = kept;
}

void history_keep_judged_or_only(struct history *history) {
    struct history judged = *history;
    history_keep_judged(&judged);
    if (judged.recent_count > 0)
        *history = judged;
    else if (history->total != 1)
        history->recent_count = 0;
}

#include "shared/model/log_row.h"

#include "shared/base/hash.h"
#include "shared/base/rfc3339.h"
#include "shared/base/utf8.h"

enum { HASH_DIGITS = 16, CUSTOMER_ID_MAX = 64 };

/* What stands beside the line (field names, id, the longest kind), and the fields that change in a threat's
 * life with the blanks behind them, spelt as long as they get. */
#define BESIDE_LINE                                                                                          \
    "kind"                                                                                                   \
    "id"                                                                                                     \
    "row"                                                                                                    \
    "completed"                                                                                              \
    "00000000-0000-0000-0000-000000000000"
#define LONGEST_CHANGING "253402300799999 critical completed 1 100 1000 false_positive "

enum { STABLE_MAX = LOG_ROW_MAX - (sizeof(BESIDE_LINE) - 1) - (sizeof(LONGEST_CHANGING) - 1) };

static void append_word(struct buffer *out, const struct vocabulary *vocabulary, int index) {
    buffer_append_string(out, vocabulary_word(vocabulary, index));
    buffer_append_char(out, ' ');
}

static void append_number(struct buffer *out, uint64_t value) {
    buffer_append_unsigned(out, value);
    buffer_append_char(out, ' ');
}

static void append_agent(struct buffer *out, uint64_t hash) {
    static const char hex[] = "0123456789abcdef";
    if (hash == 0)
        buffer_append_char(out, '-');
    for (int shift = 60; hash != 0 && shift >= 0; shift -= 4)
        buffer_append_char(out, hex[hash >> shift & 15]);
    buffer_append_char(out, ' ');
}

static void append_judgement(struct buffer *out, const struct log_row *row) {
    if (row->severity == SEVERITY_NONE)
        buffer_append(out, "- ", 2);
    else
        append_word(out, &vocabulary_severity, (int)row->severity);
    append_word(out, &vocabulary_threat_status, (int)row->status);
    append_number(out, row->requires_review);
    append_number(out, row->risk_score);
    append_number(out, row->fp_milli);
    append_word(out, &vocabulary_verdict, (int)row->verdict);
}

static void append_origin(struct buffer *out, const struct log_row *row) {
    out->len += address_write(&row->source_ip, buffer_reserve(out, ADDRESS_TEXT_MAX));
    buffer_append_char(out, ' ');
    append_agent(out, row->agent_hash);
    buffer_append_text(out, row->customer_id);
    buffer_append_char(out, ' ');
}

void log_row_write(struct buffer *out, const struct log_row *row) {
    if (row->kind == EVENT_EXPIRED)
        return;
    size_t start = out->len;
    append_number(out, (uint64_t)row->created_at_ms);
    size_t stable = out->len - start;
    append_number(out, (uint64_t)row->completed_at_ms);
    start = out->len;
    append_word(out, &vocabulary_threat_type, (int)row->threat_type);
    stable += out->len - start;
    append_judgement(out, row);
    start = out->len;
    append_origin(out, row);
    stable += out->len - start;
    buffer_append_text(out, utf8_cut(row->customer_name, stable < STABLE_MAX ? STABLE_MAX - stable : 0));
}

/* Words are taken from the front; `bad` stays once one was missing or wrong. */
struct line {
    struct text rest;
    bool bad;
};

static struct text take_word(struct line *line) {
    const char *blank = line->rest.len == 0 ? NULL : memchr(line->rest.at, ' ', line->rest.len);
    if (blank == NULL) {
        line->bad = true;
        return TEXT_LITERAL("");
    }
    struct text word = {line->rest.at, (size_t)(blank - line->rest.at)};
    line->rest.at += word.len + 1;
    line->rest.len -= word.len + 1;
    return word;
}

static uint64_t take_number(struct line *line, uint64_t max) {
    unsigned long long value = 0;
    struct text word = take_word(line);
    if (!text_to_unsigned(word, max, &value) || (word.len > 1 && word.at[0] == '0'))
        line->bad = true;
    return value;
}

static int take_index(struct line *line, const struct vocabulary *vocabulary) {
    int index = vocabulary_find(vocabulary, take_word(line));
    line->bad |= index < 0;
    return index;
}

static enum severity take_severity(struct line *line) {
    if (line->rest.len > 1 && line->rest.at[0] == '-' && line->rest.at[1] == ' ') {
        take_word(line);
        return SEVERITY_NONE;
    }
    return (enum severity)take_index(line, &vocabulary_severity);
}

static uint64_t take_agent(struct line *line) {
    struct text word = take_word(line);
    if (text_is(word, "-"))
        return 0;
    uint64_t hash = 0;
    line->bad |= word.len != HASH_DIGITS;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                : 16;
        line->bad |= digit > 15;
        hash = hash << 4 | (digit & 15);
    }
    line->bad |= hash == 0;
    return hash;
}

static struct text take_customer_id(struct line *line) {
    struct text word = take_word(line);
    line->bad |= word.len == 0 || word.len > CUSTOMER_ID_MAX;
    for (size_t i = 0; i < word.len; i++)
        line->bad |= word.at[i] < '!' || word.at[i] > '~';
    return word;
}

static bool read_line(struct text text, struct log_row *row) {
    struct line line = {text, false};
    row->created_at_ms = (int64_t)take_number(&line, RFC3339_LAST_MS);
    row->completed_at_ms = (int64_t)take_number(&line, RFC3339_LAST_MS);
    row->threat_type = (enum threat_type)take_index(&line, &vocabulary_threat_type);
    row->severity = take_severity(&line);
    row->status = (enum threat_status)take_index(&line, &vocabulary_threat_status);
    row->requires_review = take_number(&line, 1) == 1;
    row->risk_score = (unsigned)take_number(&line, LOG_ROW_RISK_MAX);
    row->fp_milli = (unsigned)take_number(&line, LOG_ROW_FP_MILLI_MAX);
    row->verdict = (enum verdict)take_index(&line, &vocabulary_verdict);
    line.bad |= !address_parse(take_word(&line), &row->source_ip);
    row->agent_hash = take_agent(&line);
    row->customer_id = take_customer_id(&line);
    row->customer_name = line.rest;
    return !line.bad && utf8_valid(line.rest);
}

bool log_row_read(struct text kind, struct text id, struct text line, struct log_row *row) {
    int found = vocabulary_find(&vocabulary_event_kind, kind);
    struct log_row read = {0};
    if (found < 0 || !uuid_parse(id, &read.id))
        return false;
    read.kind = (enum event_kind)found;
    if (read.kind == EVENT_EXPIRED ? line.len != 0 : !read_line(line, &read))
        return false;
    *row = read;
    return true;
}

uint64_t log_row_agent_hash(struct text user_agent) {
    if (user_agent.at == NULL)
        return 0;
    uint64_t hash = hash_text(user_agent);
    return hash == 0 ? 1 : hash;
}

struct log_row log_row_of_signal(enum event_kind kind, const struct uuid *id, int64_t created_at_ms,
                                 const struct signal *signal) {
    return (struct log_row){.kind = kind,
                            .id = *id,
                            .created_at_ms = created_at_ms,
                            .threat_type = signal->threat_type,
                            .severity = SEVERITY_NONE,
                            .status = THREAT_PENDING,
                            .verdict = VERDICT_NONE,
                            .source_ip = signal->source_ip,
                            .agent_hash =
                                signal->user_agent.at == NULL ? 0 : log_row_agent_hash(signal->user_agent),
                            .customer_id = signal->customer_id,
                            .customer_name = signal->customer_name};
}

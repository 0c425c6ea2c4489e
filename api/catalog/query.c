#include "api/catalog/query.h"

#include <stdio.h>

#include "shared/base/rfc3339.h"
#include "shared/base/utf8.h"

enum { CUSTOMER_ID_MAX = 64, ECHO_MAX = 40, WORDS_MAX = 256 };

void query_init(struct query *query) {
    *query = (struct query){
        .requires_review = -1,
        .since_ms = INT64_MIN,
        .until_ms = INT64_MAX,
        .limit = QUERY_LIMIT_DEFAULT,
    };
}

struct parameter {
    const char *name;
    void (*set)(struct query *query, const struct parameter *parameter, struct text value,
                struct faults *faults);
};

static void add_fault(struct faults *faults, const struct parameter *parameter, const char *detail) {
    struct text name = text_of(parameter->name);
    faults_add(faults, &name, "%s", detail);
}

static void add_unknown_word(struct faults *faults, const struct parameter *parameter,
                             const struct vocabulary *vocabulary, struct text word) {
    char words[WORDS_MAX] = "";
    size_t len = 0;
    for (int i = 0; i < vocabulary->count && len < sizeof(words); i++)
        len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s", i == 0 ? "" : ", ",
                                vocabulary->words[i]);
    struct text name = text_of(parameter->name);
    struct text echo = utf8_valid(word) ? utf8_cut(word, ECHO_MAX) : TEXT_LITERAL("(not UTF-8)");
    faults_add(faults, &name, "'%.*s' is not one of %s", (int)echo.len, echo.at, words);
}

static uint32_t read_words(const struct parameter *parameter, const struct vocabulary *vocabulary,
                           struct text list, struct faults *faults) {
    uint32_t bits = 0;
    for (bool last = false; !last;) {
        const char *comma = list.len == 0 ? NULL : memchr(list.at, ',', list.len);
        last = comma == NULL;
        struct text word = {list.at, last ? list.len : (size_t)(comma - list.at)};
        int index = vocabulary_find(vocabulary, word);
        if (index < 0)
            add_unknown_word(faults, parameter, vocabulary, word);
        else
            bits |= UINT32_C(1) << index;
        if (!last)
            list = (struct text){comma + 1, list.len - word.len - 1};
    }
    return bits;
}

static void set_severity(struct query *query, const struct parameter *parameter, struct text value,
                         struct faults *faults) {
    query->severities = read_words(parameter, &vocabulary_severity, value, faults);
}

static void set_status(struct query *query, const struct parameter *parameter, struct text value,
                       struct faults *faults) {
    query->statuses = read_words(parameter, &vocabulary_threat_status, value, faults);
}

static void set_threat_type(struct query *query, const struct parameter *parameter, struct text value,
                            struct faults *faults) {
    query->threat_types = read_words(parameter, &vocabulary_threat_type, value, faults);
}

static void set_requires_review(struct query *query, const struct parameter *parameter, struct text value,
                                struct faults *faults) {
    if (text_is(value, "true"))
        query->requires_review = 1;
    else if (text_is(value, "false"))
        query->requires_review = 0;
    else
        add_fault(faults, parameter, "must be true or false");
}

static bool is_customer_id(struct text text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return text.len > 0 && text.len <= CUSTOMER_ID_MAX;
}

static void set_customer_id(struct query *query, const struct parameter *parameter, struct text value,
                            struct faults *faults) {
    if (is_customer_id(value))
        query->customer_id = value;
    else
        add_fault(faults, parameter, "must be 1 to 64 of A-Z a-z 0-9 . _ -");
}

static void set_search(struct query *query, const struct parameter *parameter, struct text value,
                       struct faults *faults) {
    if (value.len > QUERY_SEARCH_MAX || !utf8_valid(value)) {
        add_fault(faults, parameter, "must be at most 200 bytes of UTF-8");
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        query->search[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    query->search_len = value.len;
}

static void set_time(const struct parameter *parameter, struct text value, int64_t *ms,
                     struct faults *faults) {
    if (!rfc3339_parse(value, ms))
        add_fault(faults, parameter,
                  "must be an RFC 3339 time such as 2026-11-21T03:34:54Z (a + in a URL is %2B)");
}

static void set_since(struct query *query, const struct parameter *parameter, struct text value,
                      struct faults *faults) {
    set_time(parameter, value, &query->since_ms, faults);
}

static void set_until(struct query *query, const struct parameter *parameter, struct text value,
                      struct faults *faults) {
    set_time(parameter, value, &query->until_ms, faults);
}

static void set_limit(struct query *query, const struct parameter *parameter, struct text value,
                      struct faults *faults) {
    unsigned long long limit;
    if (text_to_unsigned(value, QUERY_LIMIT_MAX, &limit) && limit > 0)
        query->limit = (unsigned)limit;
    else
        add_fault(faults, parameter, "must be an integer from 1 to 1000");
}

static void set_cursor(struct query *query, const struct parameter *parameter, struct text value,
                       struct faults *faults) {
    query->has_cursor = uuid_parse(value, &query->cursor);
    if (!query->has_cursor)
        add_fault(faults, parameter, "must be the id of a threat");
}

static const struct parameter parameters[] = {
    {"severity", set_severity},
    {"status", set_status},
    {"threat_type", set_threat_type},
    {"requires_review", set_requires_review},
    {"customer_id", set_customer_id},
    {"search", set_search},
    {"since", set_since},
    {"until", set_until},
    {"limit", set_limit},
    {"cursor", set_cursor},
};

void query_set(struct query *query, struct text name, struct text value, struct faults *faults) {
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if (!text_is(name, parameters[i].name))
            continue;
        if (query->set >> i & 1)
            add_fault(faults, &parameters[i], "must not be repeated");
        else
            parameters[i].set(query, &parameters[i], value, faults);
        query->set |= UINT32_C(1) << i;
        return;
    }
    struct text shown = utf8_cut(name, ECHO_MAX);
    faults_add(faults, utf8_valid(name) ? &shown : NULL, "is not a parameter of this list");
}

static bool one_of(uint32_t bits, unsigned index) {
    return bits == 0 || (bits >> index & 1);
}

static bool search_matches(struct text search, const struct log_row *row) {
    char address[ADDRESS_TEXT_MAX];
    return search.len == 0 || text_contains_lowered(row->customer_id, search) ||
           text_contains_lowered(row->customer_name, search) ||
           text_contains_lowered(text_of(vocabulary_word(&vocabulary_threat_type, (int)row->threat_type)),
                                 search) ||
           text_contains_lowered((struct text){address, address_write(&row->source_ip, address)}, search);
}

bool query_matches(const struct query *query, const struct log_row *row) {
    return one_of(query->severities, row->severity) && one_of(query->statuses, row->status) &&
           one_of(query->threat_types, row->threat_type) &&
           (query->requires_review < 0 || query->requires_review == row->requires_review) &&
           row->created_at_ms >= query->since_ms && row->created_at_ms < query->until_ms &&
           (query->customer_id.at == NULL || text_equal(query->customer_id, row->customer_id)) &&
           search_matches((struct text){query->search, query->search_len}, row);
}

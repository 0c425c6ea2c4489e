#include "shared/agents/raw_data.h"

#include "shared/agents/path_kinds.h"

enum { DIGITS_MAX = 15, MEMBERS_MAX = 256 };

struct cursor {
    const char *at;
    const char *end;
};

static void skip_blanks(struct cursor *cursor) {
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\n' || *cursor->at == '\r'))
        cursor->at++;
}

static bool take_char(struct cursor *cursor, char c) {
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* The bytes between the quotes, still escaped. */
static bool take_string(struct cursor *cursor, struct text *escaped) {
    if (!take_char(cursor, '"'))
        return false;
    const char *start = cursor->at;
    for (const char *at = start; at < cursor->end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            *escaped = (struct text){start, (size_t)(at - start)};
            cursor->at = at + 1;
            return true;
        }
    }
    return false;
}

static bool take_count(struct cursor *cursor, int64_t *count) {
    skip_blanks(cursor);
    const char *start = cursor->at;
    int64_t value = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
        if (cursor->at - start == DIGITS_MAX)
            return false;
        value = value * 10 + (*cursor->at - '0');
    }
    bool whole = cursor->at > start && cursor->at < cursor->end && (*cursor->at == ',' || *cursor->at == '}');
    if (whole)
        *count = value;
    return whole;
}

/* Moves to the comma or bracket behind the value, whatever it is. */
static void skip_value(struct cursor *cursor) {
    struct text ignored;
    size_t depth = 0;
    while (cursor->at < cursor->end) {
        char c = *cursor->at;
        if (c == '"') {
            if (!take_string(cursor, &ignored))
                cursor->at = cursor->end;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        cursor->at++;
    }
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* \uXXXX of ASCII is that character, any other '?'. `at` stands on the u and is moved to the last digit. */
static char unescape_unicode(const char **at, const char *end) {
    int code = 0;
    if (end - *at <= 4)
        return '?';
    for (int i = 1; i <= 4; i++) {
        int digit = hex_digit((*at)[i]);
        if (digit < 0)
            return '?';
        code = code * 16 + digit;
    }
    *at += 4;
    return code < 0x80 ? (char)code : '?';
}

/* Lower case without escapes, cut at RAW_STRING_MAX. */
static struct text lowered(struct text escaped, char out[RAW_STRING_MAX]) {
    size_t len = 0;
    const char *end = escaped.at + escaped.len;
    for (const char *at = escaped.at; at < end && len < RAW_STRING_MAX; at++) {
        char c = *at;
        if (c == '\\' && at + 1 < end) {
            at++;
            c = *at == 'u' ? unescape_unicode(&at, end) : *at;
        }
        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    return (struct text){out, len};
}

static void tell_service(struct raw_data *raw, struct text word) {
    if (text_is(word, "http") || text_is(word, "https"))
        raw->service = RAW_SERVICE_HTTP;
    else if (text_is(word, "ssh") || text_is(word, "sshd"))
        raw->service = RAW_SERVICE_SSH;
}

static void count_kinds(struct raw_data *raw, unsigned kinds) {
    for (int kind = 0; kind < PATH_KIND_COUNT; kind++)
        raw->paths[kind] += kinds >> kind & 1;
}

static void tell_path(struct raw_data *raw, struct text path) {
    raw->listed_paths++;
    count_kinds(raw, path_kinds_of(path));
}

/* What a request carried; it need not look like a path. */
static void tell_payload(struct raw_data *raw, struct text payload) {
    count_kinds(raw, path_kinds_of(payload) & ~(1u << PATH_MALFORMED));
}

/* Accounts that guessers try first. */
static void tell_username(struct raw_data *raw, struct text name) {
    static const char *const defaults[] = {
        "admin",   "administrator", "anonymous", "cisco",  "default", "ftp",      "ftpuser",
        "guest",   "monitor",       "operator",  "oracle", "pi",      "postgres", "root",
        "support", "test",          "ubnt",      "user",   "uucp",    "1234"};
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (text_is(name, defaults[i])) {
            raw->default_usernames++;
            return;
        }
}

typedef void (*string_teller)(struct raw_data *raw, struct text lower);

static const struct member {
    const char *name;
    size_t count_at; /* a count's place in struct raw_data; 0: strings for `tell` */
    string_teller tell;
    unsigned most; /* strings looked at */
} members[] = {
    {"service", 0, tell_service, 1},
    {"distinct_paths", offsetof(struct raw_data, distinct_paths), NULL, 0},
    {"errors", offsetof(struct raw_data, errors), NULL, 0},
    {"failed_logins", offsetof(struct raw_data, errors), NULL, 0},
    {"sample_paths", 0, tell_path, RAW_PATHS_MAX},
    {"path", 0, tell_path, 1},
    {"payload", 0, tell_payload, 1},
    {"usernames", 0, tell_username, RAW_NAMES_MAX},
    {"distinct_usernames", offsetof(struct raw_data, distinct_usernames), NULL, 0},
    {"distinct_accounts", offsetof(struct raw_data, distinct_usernames), NULL, 0},
    {"successes", offsetof(struct raw_data, successes), NULL, 0},
};

static const struct member *member_find(struct text key) {
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (text_is(key, members[i].name))
            return &members[i];
    return NULL;
}

/* One string, or those that a list begins with. Returns how many were told. */
static unsigned take_strings(struct cursor *cursor, const struct member *member, struct raw_data *raw) {
    char lower[RAW_STRING_MAX];
    struct text escaped;
    unsigned count = 0;
    bool list = take_char(cursor, '[');
    while (count < (list ? member->most : 1) && take_string(cursor, &escaped)) {
        member->tell(raw, lowered(escaped, lower));
        count++;
        if (!take_char(cursor, ','))
            break;
    }
    return count;
}

/* Reads from a copy of the cursor: the caller skips the value as a whole. */
static void read_member(struct cursor cursor, const struct member *member, struct raw_data *raw) {
    if (member == NULL)
        return;
    if (member->count_at != 0) {
        take_count(&cursor, (int64_t *)(void *)((char *)raw + member->count_at));
        return;
    }
    unsigned told = take_strings(&cursor, member, raw);
    if (member->tell == tell_username && raw->distinct_usernames < 0 && told > 0)
        raw->distinct_usernames = told;
}

static void read_members(struct text json, struct raw_data *raw) {
    struct cursor cursor = {json.at, json.at + json.len};
    struct text key;
    if (!take_char(&cursor, '{'))
        return;
    for (int i = 0; i < MEMBERS_MAX && take_string(&cursor, &key) && take_char(&cursor, ':'); i++) {
        skip_blanks(&cursor);
        read_member(cursor, member_find(key), raw);
        skip_value(&cursor);
        if (!take_char(&cursor, ','))
            return;
    }
}

static int64_t at_most(int64_t told, int64_t requests) {
    return told < requests ? told : requests;
}

void raw_data_read(const struct signal *signal, struct raw_data *raw) {
    *raw = (struct raw_data){.distinct_paths = -1, .errors = -1, .distinct_usernames = -1, .successes = -1};
    if (signal->raw_data.at == NULL)
        return;
    read_members(signal->raw_data, raw);
    raw->distinct_paths = at_most(raw->distinct_paths, signal->request_count);
    raw->errors = at_most(raw->errors, signal->request_count);
    raw->distinct_usernames = at_most(raw->distinct_usernames, signal->request_count);
    raw->successes = at_most(raw->successes, signal->request_count);
}

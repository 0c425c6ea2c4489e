#include "shared/model/signal.h"

#include "shared/base/rfc3339.h"
#include "shared/base/utf8.h"
#include "shared/json/integer.h"
#include "shared/json/reader.h"

/* What the field readers share. */
struct signal_scan {
    struct reader reader;
    struct arena *arena;
    struct signal *signal;
    struct faults *faults;
    int64_t latest_ms; /* detected_at may not lie behind it */
};

struct signal_field {
    const char *name;
    bool required;
    void (*read)(struct signal_scan *scan, const struct text *name);
};

/* Skips a value that cannot be used, so that the fields behind it are still judged. */
static void skip_unused(struct signal_scan *scan) {
    reader_skip(&scan->reader, READER_DEPTH_MAX, NULL);
}

static bool take_text(struct signal_scan *scan, const struct text *name, struct text *value) {
    if (reader_kind(&scan->reader) != VALUE_TEXT) {
        faults_add(scan->faults, name, "must be a string");
        skip_unused(scan);
        return false;
    }
    if (!reader_take_text(&scan->reader, scan->arena, value))
        return false;
    if (memchr(value->at, '\0', value->len) != NULL) {
        faults_add(scan->faults, name, "must not contain the character U+0000");
        return false;
    }
    return true;
}

static void read_threat_type(struct signal_scan *scan, const struct text *name) {
    struct text word;
    if (!take_text(scan, name, &word))
        return;
    int type = vocabulary_find(&vocabulary_threat_type, word);
    if (type < 0)
        faults_add(scan->faults, name, "is not a threat type");
    else
        scan->signal->threat_type = (enum threat_type)type;
}

static bool is_customer_id_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool signal_customer_id_fits(struct text id) {
    bool fits = id.len >= 1 && id.len <= SIGNAL_CUSTOMER_ID_MAX;
    for (size_t i = 0; fits && i < id.len; i++)
        fits = is_customer_id_char(id.at[i]);
    return fits;
}

static void read_customer_id(struct signal_scan *scan, const struct text *name) {
    struct text id;
    if (!take_text(scan, name, &id))
        return;
    if (signal_customer_id_fits(id))
        scan->signal->customer_id = id;
    else
        faults_add(scan->faults, name, "must be 1 to %d characters of A-Z a-z 0-9 . _ -",
                   SIGNAL_CUSTOMER_ID_MAX);
}

static void read_customer_name(struct signal_scan *scan, const struct text *name) {
    struct text value;
    if (!take_text(scan, name, &value))
        return;
    size_t characters = utf8_count(value);
    if (characters < 1 || characters > SIGNAL_CUSTOMER_NAME_MAX)
        faults_add(scan->faults, name, "must be 1 to %d characters", SIGNAL_CUSTOMER_NAME_MAX);
    else
        scan->signal->customer_name = value;
}

static void read_source_ip(struct signal_scan *scan, const struct text *name) {
    struct text value;
    if (take_text(scan, name, &value) && !address_parse(value, &scan->signal->source_ip))
        faults_add(scan->faults, name, "must be an IPv4 or IPv6 address");
}

static void read_user_agent(struct signal_scan *scan, const struct text *name) {
    struct text value;
    if (reader_kind(&scan->reader) == VALUE_NULL) {
        reader_take_null(&scan->reader);
        return;
    }
    if (reader_kind(&scan->reader) != VALUE_TEXT) {
        faults_add(scan->faults, name, "must be a string or null");
        skip_unused(scan);
        return;
    }
    if (!take_text(scan, name, &value))
        return;
    if (value.len > SIGNAL_USER_AGENT_MAX)
        faults_add(scan->faults, name, "must be at most %d bytes", SIGNAL_USER_AGENT_MAX);
    else
        scan->signal->user_agent = value;
}

static void read_integer(struct signal_scan *scan, const struct text *name, int64_t min, int64_t max,
                         int64_t *value) {
    struct text digits;
    int64_t number;
    if (reader_kind(&scan->reader) != VALUE_NUMBER) {
        faults_add(scan->faults, name, "must be an integer");
        skip_unused(scan);
        return;
    }
    if (!reader_take_number(&scan->reader, &digits))
        return;
    if (!integer_from_number(digits, &number) || number < min || number > max)
        faults_add(scan->faults, name, "must be an integer from %lld to %lld", (long long)min,
                   (long long)max);
    else
        *value = number;
}

static void read_request_count(struct signal_scan *scan, const struct text *name) {
    read_integer(scan, name, 0, SIGNAL_REQUEST_COUNT_MAX, &scan->signal->request_count);
}

static void read_time_window(struct signal_scan *scan, const struct text *name) {
    read_integer(scan, name, 1, SIGNAL_WINDOW_MINUTES_MAX, &scan->signal->time_window_minutes);
}

static void read_detected_at(struct signal_scan *scan, const struct text *name) {
    struct text value;
    int64_t ms;
    if (!take_text(scan, name, &value))
        return;
    if (!rfc3339_parse(value, &ms))
        faults_add(scan->faults, name, "must be a time of RFC 3339, like 2026-11-21T03:34:54Z");
    else if (ms > scan->latest_ms)
        faults_add(scan->faults, name, "lies more than %d minutes in the future",
                   SIGNAL_FUTURE_MS_MAX / 60000);
    else
        scan->signal->detected_at_ms = ms;
}

static void read_raw_data(struct signal_scan *scan, const struct text *name) {
    struct text span;
    if (reader_kind(&scan->reader) != VALUE_OBJECT) {
        faults_add(scan->faults, name, "must be an object");
        skip_unused(scan);
        return;
    }
    int outside = scan->reader.depth;
    scan->reader.repeated_name = false;
    scan->reader.deepest = outside;
    if (!reader_skip(&scan->reader, READER_DEPTH_MAX, &span))
        return;
    if (scan->reader.deepest - outside > SIGNAL_RAW_DATA_DEPTH_MAX)
        faults_add(scan->faults, name, "must not be nested deeper than %d levels", SIGNAL_RAW_DATA_DEPTH_MAX);
    if (scan->reader.repeated_name)
        faults_add(scan->faults, name, "has a member name twice in one object");
    if (span.len > SIGNAL_RAW_DATA_MAX) {
        faults_add(scan->faults, name, "must be at most %d bytes", SIGNAL_RAW_DATA_MAX);
        return;
    }
    char *out = arena_take(scan->arena, span.len);
    scan->signal->raw_data = (struct text){out, reader_compact(span, out)};
}

static const struct signal_field fields[] = {
    {"threat_type", true, read_threat_type},
    {"customer_id", true, read_customer_id},
    {"customer_name", true, read_customer_name},
    {"source_ip", true, read_source_ip},
    {"user_agent", false, read_user_agent},
    {"request_count", true, read_request_count},
    {"time_window_minutes", true, read_time_window},
    {"detected_at", false, read_detected_at},
    {"raw_data", false, read_raw_data},
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

static int find_field(struct text name) {
    for (int i = 0; i < FIELD_COUNT; i++)
        if (text_is(name, fields[i].name))
            return i;
    return -1;
}

static void read_member(struct signal_scan *scan, const struct text *name, unsigned *seen) {
    int i = find_field(*name);
    if (i < 0) {
        faults_add(scan->faults, name, "is not a field of a threat signal");
        skip_unused(scan);
    } else if (*seen & 1u << i) {
        faults_add(scan->faults, name, "is there twice");
        skip_unused(scan);
    } else {
        *seen |= 1u << i;
        fields[i].read(scan, name);
    }
}

static void tell_missing(struct faults *faults, unsigned seen) {
    for (int i = 0; i < FIELD_COUNT; i++) {
        struct text name = text_of(fields[i].name);
        if (fields[i].required && !(seen & 1u << i))
            faults_add(faults, &name, "is required");
    }
}

static enum status read_bounded(struct text json, int64_t default_ms, int64_t latest_ms, struct arena *arena,
                                struct signal *signal, struct faults *faults) {
    struct signal read = {.detected_at_ms = default_ms};
    struct signal_scan scan = {.arena = arena, .signal = &read, .faults = faults, .latest_ms = latest_ms};
    struct text name;
    unsigned seen = 0;
    reader_init(&scan.reader, json);
    if (reader_kind(&scan.reader) != VALUE_OBJECT && reader_skip(&scan.reader, READER_DEPTH_MAX, NULL)) {
        faults_add(faults, NULL, "must be a JSON object");
        return STATUS_INVALID;
    }
    if (reader_enter_object(&scan.reader))
        while (reader_next_member(&scan.reader, arena, &name))
            read_member(&scan, &name, &seen);
    if (reader_finish(&scan.reader))
        tell_missing(faults, seen);
    else
        faults_add(faults, NULL, "%s (byte %zu)", reader_fault_text(scan.reader.fault),
                   reader_offset(&scan.reader));
    if (faults->count > 0)
        return STATUS_INVALID;
    *signal = read;
    return STATUS_OK;
}

enum status signal_read(struct text json, int64_t now_ms, struct arena *arena, struct signal *signal,
                        struct faults *faults) {
    return read_bounded(json, now_ms, now_ms + SIGNAL_FUTURE_MS_MAX, arena, signal, faults);
}

enum status signal_read_stored(struct text json, struct arena *arena, struct signal *signal,
                               struct faults *faults) {
    return read_bounded(json, 0, INT64_MAX, arena, signal, faults);
}

void signal_write(struct writer *writer, const struct signal *signal) {
    char ip[ADDRESS_TEXT_MAX];
    writer_open_object(writer);
    writer_member_string(writer, "threat_type",
                         vocabulary_word(&vocabulary_threat_type, (int)signal->threat_type));
    writer_member_text(writer, "customer_id", signal->customer_id);
    writer_member_text(writer, "customer_name", signal->customer_name);
    writer_member_text(writer, "source_ip", (struct text){ip, address_write(&signal->source_ip, ip)});
    if (signal->user_agent.at != NULL)
        writer_member_text(writer, "user_agent", signal->user_agent);
    writer_member_signed(writer, "request_count", signal->request_count);
    writer_member_signed(writer, "time_window_minutes", signal->time_window_minutes);
    writer_member_time(writer, "detected_at", signal->detected_at_ms);
    if (signal->raw_data.at != NULL) {
        writer_key(writer, "raw_data");
        writer_raw(writer, signal->raw_data);
    }
    writer_close_object(writer);
}

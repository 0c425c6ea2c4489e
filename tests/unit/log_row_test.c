#include <criterion/criterion.h>
#include <stdlib.h>

#include "shared/base/utf8.h"
#include "shared/model/log_row.h"

static const char ID[] = "019384a1-7c3e-7abc-8def-0123456789ab";
static const char LINE[] = "1763696000123 1763696000131 bot_traffic high completed 1 72 312 none 203.0.113.7 "
                           "0123456789abcdef acme Acme Inc";

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(uint64_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static bool read_line(const char *kind, const char *line, struct log_row *row) {
    return log_row_read(text_of(kind), text_of(ID), text_of(line), row);
}

static void expect_same(const struct log_row *a, const struct log_row *b) {
    cr_assert_eq(a->kind, b->kind);
    cr_assert_eq(uuid_compare(&a->id, &b->id), 0);
    cr_assert_eq(a->created_at_ms, b->created_at_ms);
    cr_assert_eq(a->completed_at_ms, b->completed_at_ms);
    cr_assert_eq(a->threat_type, b->threat_type);
    cr_assert_eq(a->severity, b->severity);
    cr_assert_eq(a->status, b->status);
    cr_assert_eq(a->requires_review, b->requires_review);
    cr_assert_eq(a->risk_score, b->risk_score);
    cr_assert_eq(a->fp_milli, b->fp_milli);
    cr_assert_eq(a->verdict, b->verdict);
    cr_assert_eq(address_compare(&a->source_ip, &b->source_ip), 0);
    cr_assert_eq(a->agent_hash, b->agent_hash);
    cr_assert(text_equal(a->customer_id, b->customer_id));
    cr_assert(text_equal(a->customer_name, b->customer_name));
}

static struct log_row random_row(struct text customer_id, struct text customer_name) {
    struct log_row row = {
        .kind = (enum event_kind)next_random(EVENT_EXPIRED),
        .created_at_ms = (int64_t)next_random(253402300799999),
        .completed_at_ms = next_random(2) ? (int64_t)next_random(253402300799999) : 0,
        .threat_type = (enum threat_type)next_random(THREAT_TYPE_COUNT),
        .severity = (enum severity)next_random(SEVERITY_COUNT),
        .status = (enum threat_status)next_random(THREAT_STATUS_COUNT),
        .requires_review = next_random(2),
        .risk_score = (unsigned)next_random(LOG_ROW_RISK_MAX + 1),
        .fp_milli = (unsigned)next_random(LOG_ROW_FP_MILLI_MAX + 1),
        .verdict = (enum verdict)next_random(VERDICT_COUNT),
        .agent_hash = next_random(2) ? next_random(UINT64_MAX) : 0,
        .customer_id = customer_id,
        .customer_name = customer_name,
    };
    for (int i = 0; i < 16; i++) {
        row.id.bytes[i] = (uint8_t)next_random(256);
        row.source_ip.bytes[i] = (uint8_t)next_random(256);
    }
    return row;
}

static size_t stored_bytes(const struct log_row *row, size_t line_len) {
    return strlen("kindidrow") + UUID_LENGTH +
           strlen(vocabulary_word(&vocabulary_event_kind, (int)row->kind)) + line_len;
}

static struct log_row round_trip(const struct log_row *row, struct buffer *line) {
    struct log_row read;
    char id[UUID_LENGTH];
    buffer_clear(line);
    log_row_write(line, row);
    uuid_write(&row->id, id);
    cr_assert_leq(stored_bytes(row, line->len), (size_t)LOG_ROW_MAX);
    cr_assert(log_row_read(text_of(vocabulary_word(&vocabulary_event_kind, (int)row->kind)),
                           (struct text){id, UUID_LENGTH}, buffer_text(line), &read),
              "%.*s", (int)line->len, line->at);
    return read;
}

Test(log_row, spells_the_documented_line, .timeout = 10) {
    struct log_row row;
    struct buffer line = BUFFER_EMPTY;
    cr_assert(read_line("completed", LINE, &row));
    cr_assert_eq(row.kind, EVENT_COMPLETED);
    cr_assert_eq(row.threat_type, THREAT_BOT_TRAFFIC);
    cr_assert_eq(row.severity, SEVERITY_HIGH);
    cr_assert_eq(row.status, THREAT_COMPLETED);
    cr_assert_eq(row.risk_score, 72);
    cr_assert_eq(row.agent_hash, 0x0123456789abcdefu);
    cr_assert(text_is(row.customer_id, "acme"));
    cr_assert(text_is(row.customer_name, "Acme Inc"));
    log_row_write(&line, &row);
    cr_assert(text_is(buffer_text(&line), LINE));
    buffer_fini(&line);
}

Test(log_row, rows_come_back_exactly, .timeout = 20) {
    struct buffer line = BUFFER_EMPTY;
    const char *names[] = {"A", "", "two  blanks ", "line\nend\ttab\x01", "Zürich · 東京", " leads"};
    for (int i = 0; i < 20000; i++) {
        struct log_row row = random_row(text_of("cust-1_x.Y"), text_of(names[next_random(6)]));
        struct log_row read = round_trip(&row, &line);
        expect_same(&row, &read);
    }
    buffer_fini(&line);
}

Test(log_row, long_names_are_cut_at_a_character_and_alike_in_every_row_of_a_threat, .timeout = 20) {
    struct buffer line = BUFFER_EMPTY;
    char id[64], name[800];
    memset(id, 'x', sizeof(id));
    for (size_t i = 0; i < sizeof(name); i += 4)
        memcpy(name + i, "\xf0\x9f\x94\xa5", 4);
    for (int i = 0; i < 5000; i++) {
        struct log_row row =
            random_row((struct text){id, 1 + next_random(64)}, (struct text){name, sizeof(name)});
        size_t name_len = round_trip(&row, &line).customer_name.len;
        cr_assert_eq(name_len % 4, 0);
        cr_assert_geq(name_len, 24);
        struct log_row later = random_row(row.customer_id, row.customer_name);
        later.created_at_ms = row.created_at_ms;
        later.threat_type = row.threat_type;
        later.source_ip = row.source_ip;
        later.agent_hash = row.agent_hash;
        cr_assert_eq(round_trip(&later, &line).customer_name.len, name_len);
    }
    buffer_fini(&line);
}

Test(log_row, an_expired_row_is_empty, .timeout = 10) {
    struct log_row row;
    struct buffer line = BUFFER_EMPTY;
    cr_assert(read_line("expired", "", &row));
    cr_assert_eq(row.kind, EVENT_EXPIRED);
    log_row_write(&line, &row);
    cr_assert_eq(line.len, 0);
    cr_assert_not(read_line("expired", LINE, &row));
}

Test(log_row, what_is_not_ours_is_refused, .timeout = 10) {
    const char *bad[] = {
        "",
        " ",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 -  Acme",
        "1 0 bot_traffik - pending 0 0 0 none 1.2.3.4 - acme A",
        "1 0 bot_traffic severe pending 0 0 0 none 1.2.3.4 - acme A",
        "1 0 bot_traffic  pending 0 0 0 none 1.2.3.4 - acme A",
        "1 0 bot_traffic - open 0 0 0 none 1.2.3.4 - acme A",
        "1 0 bot_traffic - pending 2 0 0 none 1.2.3.4 - acme A",
        "1 0 bot_traffic - pending 0 101 0 none 1.2.3.4 - acme A",
        "1 0 bot_traffic - pending 0 0 1001 none 1.2.3.4 - acme A",
        "1 0 bot_traffic - pending 0 0 0 maybe 1.2.3.4 - acme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3 - acme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 0123 acme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 0123456789abcdeg acme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 0123456789ABCDEF acme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 0000000000000000 acme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - ac\tme A",
        "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme \xff",
        "-1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme A",
        "01 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme A",
        "253402300800000 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme A",
        "99999999999999999999999 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme A",
    };
    struct log_row row = {.fp_milli = 7};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(read_line("created", bad[i], &row), "%s", bad[i]);
    cr_assert_not(read_line("removed", LINE, &row));
    cr_assert_not(read_line("", LINE, &row));
    cr_assert_not(log_row_read(text_of("created"), text_of("not an id"), text_of(LINE), &row));
    cr_assert_not(log_row_read(TEXT_NONE, TEXT_NONE, TEXT_NONE, &row));
    cr_assert_eq(row.fp_milli, 7, "a refused row must leave the result alone");
    cr_assert(read_line("created", "1 0 bot_traffic - pending 0 0 0 none 1.2.3.4 - acme ", &row));
}

Test(log_row, damaged_and_random_lines_never_crash, .timeout = 30) {
    unsigned taken = 0, refused = 0;
    for (int i = 0; i < 200000; i++) {
        char line[sizeof(LINE) - 1];
        struct log_row row;
        size_t len = next_random(4) ? sizeof(line) : next_random(sizeof(line));
        memcpy(line, LINE, sizeof(line));
        for (uint64_t k = next_random(4) ? 1 + next_random(3) : sizeof(line); k > 0; k--)
            line[next_random(sizeof(line))] = (char)next_random(256);
        char *exact = malloc(len + 1);
        memcpy(exact, line, len);
        bool read = log_row_read(text_of("created"), text_of(ID), (struct text){exact, len}, &row);
        if (read)
            cr_assert(utf8_valid(row.customer_name) && row.customer_id.len > 0 &&
                      row.threat_type < THREAT_TYPE_COUNT);
        taken += read;
        refused += !read;
        free(exact);
    }
    cr_assert_gt(taken, 100);
    cr_assert_gt(refused, 100);
}

Test(log_row, user_agents_hash_to_something, .timeout = 10) {
    cr_assert_eq(log_row_agent_hash(TEXT_NONE), 0);
    cr_assert_neq(log_row_agent_hash(text_of("")), 0);
    cr_assert_neq(log_row_agent_hash(text_of("curl/8.0")), log_row_agent_hash(text_of("curl/8.1")));
    cr_assert_eq(log_row_agent_hash(text_of("curl/8.0")), log_row_agent_hash(text_of("curl/8.0")));
}

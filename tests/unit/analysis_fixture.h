/* Signals and facts for the tests of agents, analyzers and the analysis' JSON: the real signals with the
 * context and the growing history that a running worker would have, and made-up ones from a seed. */
#ifndef SOC_TESTS_ANALYSIS_FIXTURE_H
#define SOC_TESTS_ANALYSIS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "shared/agents/run_agents.h"
#include "shared/analyzers/run_analyzers.h"
#include "shared/context/snapshot.h"
#include "shared/model/analysis.h"
#include "tests/support/dice.h"

enum { REAL_SIGNALS = 103, REAL_LINE_MAX = 8192, FIXTURE_DEADLINE_MS = 50 };

#define FIXTURE_NOW_MS INT64_C(1795232094123)

/* A stopwatch that moves on by `step_ns` each time it is read. */
struct fake_clock {
    int64_t now_ns;
    int64_t step_ns;
};

static inline int64_t fake_clock_read(void *arg) {
    struct fake_clock *clock = arg;
    return clock->now_ns += clock->step_ns;
}

/* What stands between the signal and the bytes: facts in, an analysis out, as the worker does it. */
static inline void fixture_analyze(const struct signal *signal, const struct facts *facts, int64_t step_ns,
                                   struct arena *arena, struct analysis *analysis) {
    struct fake_clock fake = {1000000, step_ns};
    struct run_clock clock = {fake_clock_read, &fake, 1000000};
    *analysis = (struct analysis){
        .signal = signal, .facts = facts, .created_at_ms = FIXTURE_NOW_MS, .measured.queue_wait_ms = 2};
    run_agents(agent_rows, FIXTURE_DEADLINE_MS, &clock, arena, analysis);
    run_analyzers(&clock, arena, analysis);
}

struct real_world {
    FILE *file;
    struct snapshot *snapshot;
    struct arena texts;
    struct real_scope {
        struct text key;
        struct history history;
    } scopes[3 * REAL_SIGNALS];
    unsigned scope_count;
    unsigned signal_count;
};

static inline struct history *real_scope_find(struct real_world *world, const char *kind, struct text a,
                                              struct text b) {
    struct text key = arena_printf(&world->texts, "%s:%.*s:%.*s", kind, (int)a.len, a.at, (int)b.len, b.at);
    for (unsigned i = 0; i < world->scope_count; i++)
        if (text_equal(world->scopes[i].key, key))
            return &world->scopes[i].history;
    struct real_scope *fresh = &world->scopes[world->scope_count++];
    *fresh = (struct real_scope){.key = key};
    return &fresh->history;
}

static inline struct snapshot *real_snapshot(void) {
    static const struct context_field labsz[] = {{{"tier", 4}, {"premium", 7}},
                                                 {{"auto_block", 10}, {"1", 1}},
                                                 {{"contacts", 8}, {"oncall@labsz.example", 20}}};
    static const struct context_field semicomplete[] = {{{"tier", 4}, {"standard", 8}},
                                                        {{"contacts", 8}, {"ops@semicomplete.example", 24}}};
    struct snapshot_builder *builder = snapshot_builder_new(NULL, NULL);
    snapshot_builder_customer(builder, TEXT_LITERAL("cust-labsz"), labsz, 3);
    snapshot_builder_customer(builder, TEXT_LITERAL("cust-semicomplete"), semicomplete, 2);
    snapshot_builder_intel_list(
        builder, TEXT_LITERAL("googlebot"),
        TEXT_LITERAL("{\"category\":\"crawler\",\"crawler\":\"Googlebot\",\"as_of\":\"2026-08-11\"}"));
    snapshot_builder_intel_entry(builder, TEXT_LITERAL("googlebot"), TEXT_LITERAL("66.249.64.0/19"),
                                 TEXT_LITERAL(""));
    snapshot_builder_intel_list(
        builder, TEXT_LITERAL("ipsum"),
        TEXT_LITERAL("{\"category\":\"blocklist\",\"score\":60,\"as_of\":\"2026-11-20\"}"));
    snapshot_builder_intel_entry(builder, TEXT_LITERAL("ipsum"), TEXT_LITERAL("103.99.0.0/24"),
                                 TEXT_LITERAL(""));
    snapshot_builder_intel_entry(builder, TEXT_LITERAL("ipsum"), TEXT_LITERAL("5.188.10.180"),
                                 TEXT_LITERAL("90"));
    struct snapshot *snapshot = snapshot_build(builder);
    snapshot_builder_free(builder);
    return snapshot;
}

static inline void real_world_init(struct real_world *world) {
    *world = (struct real_world){.texts = ARENA_EMPTY};
    world->file = fopen(TESTS_DIR "/data/signals.ndjson", "r");
    world->snapshot = real_snapshot();
}

static inline void real_world_fini(struct real_world *world) {
    if (world->file != NULL)
        fclose(world->file);
    snapshot_free(world->snapshot);
    arena_fini(&world->texts);
}

static inline void real_world_remember(struct real_world *world, const struct signal *signal,
                                       struct history **scopes) {
    struct history_case added = {.created_at_ms = FIXTURE_NOW_MS + world->signal_count,
                                 .threat_type = signal->threat_type,
                                 .severity = SEVERITY_MEDIUM,
                                 .fp_milli = 480};
    char id[UUID_LENGTH + 1];
    snprintf(id, sizeof(id), "019a8b7c-0000-7000-8000-%012u", world->signal_count);
    memcpy(added.id, id, UUID_LENGTH);
    for (int i = 0; i < 3; i++)
        if (scopes[i] != NULL)
            history_add(scopes[i], &added);
}

/* The next real signal with its facts; false at the end of the file, or when a line is not a signal. */
static inline bool real_world_next(struct real_world *world, struct arena *arena, struct signal *signal,
                                   struct facts *facts) {
    char line[REAL_LINE_MAX], address[ADDRESS_TEXT_MAX];
    struct faults faults;
    if (world->file == NULL || fgets(line, sizeof(line), world->file) == NULL)
        return false;
    faults_init(&faults, arena);
    if (signal_read(text_of(line), FIXTURE_NOW_MS, arena, signal, &faults) != STATUS_OK)
        return false;
    *facts = (struct facts){.history_available = true};
    snapshot_gather(world->snapshot, signal, arena, facts);
    struct text type = text_of(vocabulary_word(&vocabulary_threat_type, (int)signal->threat_type));
    struct text ip = {address, address_write(&signal->source_ip, address)};
    struct history *scopes[] = {real_scope_find(world, "customer", signal->customer_id, type),
                                real_scope_find(world, "address", ip, TEXT_LITERAL("")),
                                signal->user_agent.at == NULL
                                    ? NULL
                                    : real_scope_find(world, "agent", signal->user_agent, TEXT_LITERAL(""))};
    facts->customer_history = *scopes[0];
    facts->address_history = *scopes[1];
    if (scopes[2] != NULL)
        facts->agent_history = *scopes[2];
    history_keep_judged(&facts->customer_history);
    history_keep_judged(&facts->address_history);
    facts->agent_history.recent_count = 0;
    real_world_remember(world, signal, scopes);
    world->signal_count++;
    return true;
}

static inline struct text made_up_raw_data(struct dice *dice, struct arena *arena) {
    static const char *const paths[] = {"/",           "/login",       "/wp-login.php", "/.env",
                                        "/a.css",      "/cgi-bin/x",   "/search",       "/x?q=' or 1=1",
                                        "/sms/send",   "/account/7",   "/transfer/1",   "/b.js",
                                        "\\/wp-admin", "\\u002fadmin", "/%2e%2e/"};
    enum { PATHS = sizeof(paths) / sizeof(paths[0]) };
    if (dice_one_in(dice, 4))
        return TEXT_NONE;
    if (dice_one_in(dice, 3))
        return arena_printf(arena,
                            "{\"service\":\"sshd\",\"usernames\":[\"root\",\"x%u\"],\"distinct_usernames\":%"
                            "u,\"successes\":%u}",
                            (unsigned)dice_roll(dice, 9), (unsigned)dice_roll(dice, 40),
                            (unsigned)dice_roll(dice, 2));
    return arena_printf(
        arena,
        "{\"service\":\"http\",\"distinct_paths\":%u,\"errors\":%u,\"sample_paths\":[\"%s\",\"%s\",\"%s\"]}",
        (unsigned)dice_roll(dice, 50), (unsigned)dice_roll(dice, 50), paths[dice_roll(dice, PATHS)],
        paths[dice_roll(dice, PATHS)], paths[dice_roll(dice, PATHS)]);
}

static inline void made_up_signal(struct dice *dice, struct arena *arena, struct signal *signal) {
    static const char *const user_agents[] = {NULL,         "curl/8.5",      "Mozilla/5.0 \"quoted\" \\ back",
                                              "sqlmap/1.8", "Googlebot/2.1", "\xc3\xa4\x01 odd"};
    static const int64_t counts[] = {0, 1, 7, 400, 90000, SIGNAL_REQUEST_COUNT_MAX};
    *signal = (struct signal){
        .threat_type = (enum threat_type)dice_roll(dice, THREAT_TYPE_COUNT),
        .customer_id = TEXT_LITERAL("acme"),
        .customer_name = TEXT_LITERAL("Acme \"Quality\" Inc"),
        .user_agent = text_of(user_agents[dice_roll(dice, 6)]),
        .request_count = counts[dice_roll(dice, 6)],
        .time_window_minutes = 1 + (int64_t)dice_roll(dice, SIGNAL_WINDOW_MINUTES_MAX),
        .detected_at_ms = FIXTURE_NOW_MS - (int64_t)dice_roll(dice, 100000),
        .raw_data = made_up_raw_data(dice, arena),
    };
    for (int i = 0; i < 16; i++)
        signal->source_ip.bytes[i] = (uint8_t)dice_roll(dice, 256);
}

static inline void made_up_history(struct dice *dice, struct history *history) {
    *history = (struct history){0};
    if (dice_one_in(dice, 3))
        return;
    history->total = 1 + dice_roll(dice, 500);
    history->false_positives = dice_one_in(dice, 2) ? dice_roll(dice, history->total + 1) : 0;
    history->true_positives =
        dice_one_in(dice, 2) ? dice_roll(dice, history->total + 1 - history->false_positives) : 0;
    history->first_ms = FIXTURE_NOW_MS - 100000000;
    history->last_ms = FIXTURE_NOW_MS - (int64_t)dice_roll(dice, 100000000);
    history->recent_count = (unsigned)dice_roll(dice, HISTORY_RECENT_MAX + 1);
    for (unsigned i = 0; i < history->recent_count; i++) {
        memset(history->recent[i].id, 'a' + (int)dice_roll(dice, 6), UUID_LENGTH);
        history->recent[i].severity = (enum severity)dice_roll(dice, SEVERITY_NONE);
        history->recent[i].verdict = (enum verdict)dice_roll(dice, VERDICT_COUNT);
    }
    history_keep_judged(history);
}

static inline void made_up_customer(struct dice *dice, struct customer_facts *customer) {
    static const int64_t limits[] = {0, 1, 60, 6000};
    *customer = (struct customer_facts){
        .known = !dice_one_in(dice, 4),
        .tier = (enum tier)dice_roll(dice, TIER_COUNT),
        .requests_per_minute = limits[dice_roll(dice, 4)],
        .limit_is_default = dice_one_in(dice, 2),
        .auto_block = dice_one_in(dice, 2),
        .allowlisted_by = dice_one_in(dice, 5) ? TEXT_LITERAL("10.0.0.0/8") : TEXT_NONE,
        .contact_count = (unsigned)dice_roll(dice, CONTACTS_MAX + 1),
    };
    for (unsigned i = 0; i < customer->contact_count; i++)
        customer->contacts[i] = TEXT_LITERAL("on\"call@acme.example");
    if (dice_one_in(dice, 3))
        customer->sla_minutes[dice_roll(dice, SEVERITY_NONE)] = dice_one_in(dice, 4) ? INT64_MAX : 7;
}

static inline void made_up_intel(struct dice *dice, struct facts *facts) {
    facts->intel_lists = (unsigned)dice_roll(dice, 4);
    facts->intel_count =
        facts->intel_lists == 0 || dice_one_in(dice, 2) ? 0 : 1 + (unsigned)dice_roll(dice, INTEL_FACTS_MAX);
    for (unsigned i = 0; i < facts->intel_count; i++)
        facts->intel[i] =
            (struct intel_fact){.list = TEXT_LITERAL("list"),
                                .entry = TEXT_LITERAL("192.0.0.0/8"),
                                .category = (enum intel_category)dice_roll(dice, INTEL_CATEGORY_COUNT),
                                .score = (unsigned)dice_roll(dice, 101),
                                .as_of = dice_one_in(dice, 2) ? TEXT_LITERAL("2026-11-01") : TEXT_NONE};
}

static inline void made_up_infra(struct dice *dice, struct facts *facts) {
    facts->infra_count = dice_one_in(dice, 2) ? 0 : (unsigned)dice_roll(dice, INFRA_FACTS_MAX + 1);
    for (unsigned i = 0; i < facts->infra_count; i++)
        facts->infra[i] = (struct infra_fact){.id = TEXT_LITERAL("chg-1"),
                                              .kind = (enum infra_kind)dice_roll(dice, INFRA_KIND_COUNT),
                                              .title = TEXT_LITERAL("Release \"9\""),
                                              .starts_at_ms = FIXTURE_NOW_MS - 1000000,
                                              .ends_at_ms = FIXTURE_NOW_MS,
                                              .global = dice_one_in(dice, 2)};
}

static inline void made_up_facts(struct dice *dice, struct facts *facts) {
    static const struct range_fact ranges[] = {{NULL, NULL, NULL},
                                               {NULL, NULL, NULL},
                                               {"10.0.0.0/8", "private use", "RFC 1918"},
                                               {"192.0.2.0/24", "documentation", "RFC 5737"}};
    *facts = (struct facts){.history_available = !dice_one_in(dice, 8),
                            .context_available = !dice_one_in(dice, 8)};
    if (facts->history_available) {
        made_up_history(dice, &facts->customer_history);
        made_up_history(dice, &facts->address_history);
        made_up_history(dice, &facts->agent_history);
    }
    if (facts->context_available) {
        made_up_customer(dice, &facts->customer);
        made_up_infra(dice, facts);
        made_up_intel(dice, facts);
    }
    facts->range = ranges[dice_roll(dice, 4)];
    facts->crawler.verdict = (enum crawler_verdict)dice_roll(dice, CRAWLER_VERDICT_COUNT);
    if (facts->crawler.verdict != CRAWLER_NO_CLAIM)
        facts->crawler.name = TEXT_LITERAL("Googlebot");
    if (facts->crawler.verdict == CRAWLER_VERIFIED || facts->crawler.verdict == CRAWLER_PRETENDED)
        facts->crawler.list = TEXT_LITERAL("list");
}

#endif

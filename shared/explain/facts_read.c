#include "shared/explain/facts_read.h"

#include "shared/explain/json_member.h"
#include "shared/model/signal.h"

enum { SCORE_MAX = 100 };

static const int64_t COUNT_MAX = INT64_C(1) << 53;
static const int64_t SLA_MINUTES_MAX = INT64_MAX;

/* A text with a NUL behind it, for the facts that are C strings. */
static void take_string(struct taker *taker, const json_t *object, const char *key, const char **string) {
    struct text text = TEXT_NONE;
    take_text(taker, object, key, &text);
    if (text.at != NULL)
        *string = arena_printf(taker->arena, "%.*s%c", (int)text.len, text.at, '\0').at;
}

static void read_case(struct taker *taker, const json_t *object, struct history_case *read) {
    static const char *const names[] = {"id", "severity", "verdict", NULL};
    struct text id = TEXT_NONE;
    int severity = SEVERITY_NONE, verdict = VERDICT_NONE;
    take_no_other(taker, object, names);
    take_text(taker, object, "id", &id);
    take_word(taker, object, "severity", &vocabulary_severity, &severity);
    take_word(taker, object, "verdict", &vocabulary_verdict, &verdict);
    *read = (struct history_case){.severity = (enum severity)severity, .verdict = (enum verdict)verdict};
    if (!history_case_set_id(read, id))
        taker_fault(taker, "id", "no id of a case");
}

static void read_scope(struct taker *taker, const json_t *histories, const char *scope,
                       struct history *history) {
    static const char *const names[] = {
        "total", "false_positives", "true_positives", "first_seen", "last_seen", "recent", NULL};
    const json_t *object = take_object(taker, histories, scope);
    int64_t total = 0, falsely = 0, really = 0;
    if (object == NULL)
        return;
    take_no_other(taker, object, names);
    take_integer(taker, object, "total", 0, COUNT_MAX, &total);
    take_integer(taker, object, "false_positives", 0, COUNT_MAX, &falsely);
    take_integer(taker, object, "true_positives", 0, COUNT_MAX, &really);
    take_time(taker, object, "first_seen", &history->first_ms);
    take_time(taker, object, "last_seen", &history->last_ms);
    history->total = (uint64_t)total;
    history->false_positives = (uint64_t)falsely;
    history->true_positives = (uint64_t)really;
    const json_t *recent = take_array(taker, object, "recent", HISTORY_RECENT_MAX);
    for (size_t i = 0; recent != NULL && i < json_array_size(recent); i++)
        read_case(taker, json_array_get(recent, i), &history->recent[history->recent_count++]);
}

static void read_history(struct taker *taker, const json_t *object, struct facts *facts) {
    static const char *const names[] = {"customer", "address", "user_agent", NULL};
    const json_t *histories = take_object(taker, object, "history");
    facts->history_available = true;
    take_bool(taker, object, "history_available", &facts->history_available);
    if (histories == NULL)
        return;
    take_no_other(taker, histories, names);
    read_scope(taker, histories, "customer", &facts->customer_history);
    read_scope(taker, histories, "address", &facts->address_history);
    read_scope(taker, histories, "user_agent", &facts->agent_history);
}

static void read_contacts(struct taker *taker, const json_t *object, struct text *contacts) {
    const json_t *by_level = take_object(taker, object, "contacts");
    for (int level = 0; by_level != NULL && level < ESCALATION_LEVEL_COUNT; level++)
        take_text(taker, by_level, vocabulary_word(&vocabulary_escalation_level, level), &contacts[level]);
}

static void read_sla(struct taker *taker, const json_t *object, int64_t *minutes) {
    const json_t *sla = take_object(taker, object, "sla_minutes");
    for (int severity = 0; sla != NULL && severity <= SEVERITY_CRITICAL; severity++)
        take_integer(taker, sla, vocabulary_word(&vocabulary_severity, severity), 1, SLA_MINUTES_MAX,
                     &minutes[severity]);
}

static void read_customer(struct taker *taker, const json_t *facts_object, struct customer_facts *customer) {
    static const char *const names[] = {"known",
                                        "tier",
                                        "requests_per_minute",
                                        "limit_is_default",
                                        "auto_block",
                                        "allowlisted_by",
                                        "contacts",
                                        "sla_minutes",
                                        NULL};
    const json_t *object = take_object(taker, facts_object, "customer");
    int tier = TIER_STANDARD;
    *customer = (struct customer_facts){.known = true, .limit_is_default = true};
    if (object == NULL) {
        taker_fault(taker, "customer", "missing");
        return;
    }
    take_no_other(taker, object, names);
    take_bool(taker, object, "known", &customer->known);
    take_word(taker, object, "tier", &vocabulary_tier, &tier);
    customer->tier = (enum tier)tier;
    take_integer(taker, object, "requests_per_minute", 0, SIGNAL_REQUEST_COUNT_MAX,
                 &customer->requests_per_minute);
    take_bool(taker, object, "limit_is_default", &customer->limit_is_default);
    take_bool(taker, object, "auto_block", &customer->auto_block);
    take_text(taker, object, "allowlisted_by", &customer->allowlisted_by);
    read_contacts(taker, object, customer->contacts);
    read_sla(taker, object, customer->sla_minutes);
}

static void read_event(struct taker *taker, const json_t *object, struct infra_fact *event) {
    static const char *const names[] = {"id", "kind", "title", "starts_at", "ends_at", "global", NULL};
    int kind = INFRA_DEPLOYMENT;
    take_no_other(taker, object, names);
    take_text(taker, object, "id", &event->id);
    take_word(taker, object, "kind", &vocabulary_infra_kind, &kind);
    event->kind = (enum infra_kind)kind;
    take_text(taker, object, "title", &event->title);
    take_time(taker, object, "starts_at", &event->starts_at_ms);
    take_time(taker, object, "ends_at", &event->ends_at_ms);
    take_bool(taker, object, "global", &event->global);
}

static void read_infra(struct taker *taker, const json_t *object, struct facts *facts) {
    const json_t *events = take_array(taker, object, "infra", INFRA_FACTS_MAX);
    for (size_t i = 0; events != NULL && i < json_array_size(events); i++)
        read_event(taker, json_array_get(events, i), &facts->infra[facts->infra_count++]);
}

static void read_hit(struct taker *taker, const json_t *object, struct intel_fact *hit) {
    static const char *const names[] = {"list", "entry", "category", "score", "as_of", "source", NULL};
    int category = INTEL_BLOCKLIST;
    int64_t score = 0;
    take_no_other(taker, object, names);
    take_text(taker, object, "list", &hit->list);
    take_text(taker, object, "entry", &hit->entry);
    take_word(taker, object, "category", &vocabulary_intel_category, &category);
    take_integer(taker, object, "score", 0, SCORE_MAX, &score);
    take_text(taker, object, "as_of", &hit->as_of);
    take_text(taker, object, "source", &hit->source);
    hit->category = (enum intel_category)category;
    hit->score = (unsigned)score;
}

static void read_intel(struct taker *taker, const json_t *object, struct facts *facts) {
    const json_t *hits = take_array(taker, object, "intel", INTEL_FACTS_MAX);
    int64_t lists = 0;
    take_integer(taker, object, "intel_lists", 0, UINT32_MAX, &lists);
    facts->intel_lists = (unsigned)lists;
    for (size_t i = 0; hits != NULL && i < json_array_size(hits); i++)
        read_hit(taker, json_array_get(hits, i), &facts->intel[facts->intel_count++]);
}

static void read_crawler(struct taker *taker, const json_t *object, struct crawler_fact *crawler) {
    static const char *const names[] = {"verdict", "name", "kind", "list", "as_of", "provable", NULL};
    const json_t *claim = take_object(taker, object, "crawler");
    int verdict = CRAWLER_NO_CLAIM, kind = CRAWLER_KIND_OTHER;
    if (claim == NULL)
        return;
    take_no_other(taker, claim, names);
    take_word(taker, claim, "verdict", &vocabulary_crawler_verdict, &verdict);
    crawler->verdict = (enum crawler_verdict)verdict;
    take_text(taker, claim, "name", &crawler->name);
    take_word(taker, claim, "kind", &vocabulary_crawler_kind, &kind);
    crawler->kind = (enum crawler_kind)kind;
    take_text(taker, claim, "list", &crawler->list);
    take_text(taker, claim, "as_of", &crawler->as_of);
    take_bool(taker, claim, "provable", &crawler->provable);
}

static void read_range(struct taker *taker, const json_t *object, struct range_fact *range) {
    static const char *const names[] = {"cidr", "meaning", "reference", NULL};
    const json_t *special = take_object(taker, object, "range");
    if (special == NULL)
        return;
    take_no_other(taker, special, names);
    take_string(taker, special, "cidr", &range->cidr);
    take_string(taker, special, "meaning", &range->meaning);
    take_string(taker, special, "reference", &range->reference);
    if (range->cidr == NULL || range->meaning == NULL || range->reference == NULL)
        taker_fault(taker, "range", "incomplete");
}

bool facts_read_tree(const json_t *tree, struct arena *arena, struct facts *facts, const char **why) {
    static const char *const names[] = {
        "history_available", "history", "context_available", "customer", "infra",
        "intel_lists",       "intel",   "crawler",           "range",    NULL};
    struct taker taker = {arena, NULL};
    *facts = (struct facts){.context_available = true};
    if (!json_is_object(tree)) {
        *why = "facts: no object";
        return false;
    }
    take_no_other(&taker, tree, names);
    read_history(&taker, tree, facts);
    take_bool(&taker, tree, "context_available", &facts->context_available);
    if (facts->context_available) {
        read_customer(&taker, tree, &facts->customer);
        read_infra(&taker, tree, facts);
        read_intel(&taker, tree, facts);
    }
    read_crawler(&taker, tree, &facts->crawler);
    read_range(&taker, tree, &facts->range);
    *why = taker.why;
    return taker.why == NULL;
}

bool facts_read(struct text json, struct arena *arena, struct facts *facts, const char **why) {
    json_error_t error;
    json_t *tree = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, &error);
    bool read = tree != NULL && facts_read_tree(tree, arena, facts, why);
    if (tree == NULL)
        *why = "facts: no JSON";
    json_decref(tree);
    return read;
}

#include "shared/model/facts.h"

static void write_case(struct writer *writer, const struct history_case *recent) {
    writer_open_object(writer);
    writer_member_string(writer, "id", recent->id);
    if (recent->severity != SEVERITY_NONE)
        writer_member_string(writer, "severity",
                             vocabulary_word(&vocabulary_severity, (int)recent->severity));
    writer_member_string(writer, "verdict", vocabulary_word(&vocabulary_verdict, (int)recent->verdict));
    writer_close_object(writer);
}

static void write_cases(struct writer *writer, const struct history *history) {
    if (history->recent_count == 0)
        return;
    writer_key(writer, "recent");
    writer_open_array(writer);
    for (unsigned i = 0; i < history->recent_count; i++)
        write_case(writer, &history->recent[i]);
    writer_close_array(writer);
}

/* What agents look at: of an address also its cases, of a customer also the times. */
enum history_detail { HISTORY_COUNTS, HISTORY_CASES, HISTORY_TIMES_AND_CASES };

static void write_scope(struct writer *writer, const char *scope, const struct history *history,
                        enum history_detail detail) {
    if (history->total == 0)
        return;
    writer_key(writer, scope);
    writer_open_object(writer);
    writer_member_signed(writer, "total", (int64_t)history->total);
    if (history->false_positives > 0)
        writer_member_signed(writer, "false_positives", (int64_t)history->false_positives);
    if (history->true_positives > 0)
        writer_member_signed(writer, "true_positives", (int64_t)history->true_positives);
    if (detail == HISTORY_TIMES_AND_CASES) {
        writer_member_time(writer, "first_seen", history->first_ms);
        writer_member_time(writer, "last_seen", history->last_ms);
    }
    if (detail != HISTORY_COUNTS)
        write_cases(writer, history);
    writer_close_object(writer);
}

static void write_history(struct writer *writer, const struct facts *facts) {
    if (!facts->history_available) {
        writer_member_bool(writer, "history_available", false);
        return;
    }
    if (facts->customer_history.total == 0 && facts->address_history.total == 0 &&
        facts->agent_history.total == 0)
        return;
    writer_key(writer, "history");
    writer_open_object(writer);
    write_scope(writer, "customer", &facts->customer_history, HISTORY_TIMES_AND_CASES);
    write_scope(writer, "address", &facts->address_history, HISTORY_CASES);
    write_scope(writer, "user_agent", &facts->agent_history, HISTORY_COUNTS);
    writer_close_object(writer);
}

static void write_sla(struct writer *writer, const int64_t *minutes) {
    bool any = false;
    for (int severity = 0; severity <= SEVERITY_CRITICAL; severity++)
        any |= minutes[severity] > 0;
    if (!any)
        return;
    writer_key(writer, "sla_minutes");
    writer_open_object(writer);
    for (int severity = 0; severity <= SEVERITY_CRITICAL; severity++)
        if (minutes[severity] > 0)
            writer_member_signed(writer, vocabulary_word(&vocabulary_severity, severity), minutes[severity]);
    writer_close_object(writer);
}

static void write_contacts(struct writer *writer, const struct customer_facts *customer) {
    bool any = false;
    for (int level = 0; level < ESCALATION_LEVEL_COUNT; level++) {
        if (customer->contacts[level].at == NULL)
            continue;
        if (!any) {
            writer_key(writer, "contacts");
            writer_open_object(writer);
        }
        any = true;
        writer_member_text(writer, vocabulary_word(&vocabulary_escalation_level, level),
                           customer->contacts[level]);
    }
    if (any)
        writer_close_object(writer);
}

/* A flag stands only where it is not as usual. */
static void write_flag(struct writer *writer, const char *key, bool value, bool usual) {
    if (value != usual)
        writer_member_bool(writer, key, value);
}

static void write_customer(struct writer *writer, const struct customer_facts *customer) {
    writer_key(writer, "customer");
    writer_open_object(writer);
    write_flag(writer, "known", customer->known, true);
    writer_member_string(writer, "tier", vocabulary_word(&vocabulary_tier, (int)customer->tier));
    writer_member_signed(writer, "requests_per_minute", customer->requests_per_minute);
    write_flag(writer, "limit_is_default", customer->limit_is_default, true);
    write_flag(writer, "auto_block", customer->auto_block, false);
    if (customer->allowlisted_by.at != NULL)
        writer_member_text(writer, "allowlisted_by", customer->allowlisted_by);
    write_contacts(writer, customer);
    write_sla(writer, customer->sla_minutes);
    writer_close_object(writer);
}

static void write_infra(struct writer *writer, const struct facts *facts) {
    if (facts->infra_count == 0)
        return;
    writer_key(writer, "infra");
    writer_open_array(writer);
    for (unsigned i = 0; i < facts->infra_count; i++) {
        const struct infra_fact *event = &facts->infra[i];
        writer_open_object(writer);
        writer_member_text(writer, "id", event->id);
        writer_member_string(writer, "kind", vocabulary_word(&vocabulary_infra_kind, (int)event->kind));
        writer_member_text(writer, "title", event->title);
        writer_member_time(writer, "starts_at", event->starts_at_ms);
        writer_member_time(writer, "ends_at", event->ends_at_ms);
        write_flag(writer, "global", event->global, false);
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

static void write_intel_fact(struct writer *writer, const struct intel_fact *hit) {
    writer_open_object(writer);
    writer_member_text(writer, "list", hit->list);
    writer_member_text(writer, "entry", hit->entry);
    writer_member_string(writer, "category", vocabulary_word(&vocabulary_intel_category, (int)hit->category));
    writer_member_signed(writer, "score", hit->score);
    if (hit->as_of.len > 0)
        writer_member_text(writer, "as_of", hit->as_of);
    if (hit->source.len > 0)
        writer_member_text(writer, "source", hit->source);
    writer_close_object(writer);
}

static void write_intel(struct writer *writer, const struct facts *facts) {
    writer_member_signed(writer, "intel_lists", facts->intel_lists);
    if (facts->intel_count == 0)
        return;
    writer_key(writer, "intel");
    writer_open_array(writer);
    for (unsigned i = 0; i < facts->intel_count; i++)
        write_intel_fact(writer, &facts->intel[i]);
    writer_close_array(writer);
}

static void write_crawler(struct writer *writer, const struct crawler_fact *crawler) {
    if (crawler->verdict == CRAWLER_NO_CLAIM)
        return;
    writer_key(writer, "crawler");
    writer_open_object(writer);
    writer_member_string(writer, "verdict",
                         vocabulary_word(&vocabulary_crawler_verdict, (int)crawler->verdict));
    writer_member_text(writer, "name", crawler->name);
    writer_member_string(writer, "kind", vocabulary_word(&vocabulary_crawler_kind, (int)crawler->kind));
    if (crawler->list.at != NULL)
        writer_member_text(writer, "list", crawler->list);
    if (crawler->as_of.len > 0)
        writer_member_text(writer, "as_of", crawler->as_of);
    write_flag(writer, "provable", crawler->provable, false);
    writer_close_object(writer);
}

void range_fact_write(struct writer *writer, const struct range_fact *range) {
    if (range->cidr == NULL)
        return;
    writer_key(writer, "range");
    writer_open_object(writer);
    writer_member_string(writer, "cidr", range->cidr);
    writer_member_string(writer, "meaning", range->meaning);
    writer_member_string(writer, "reference", range->reference);
    writer_close_object(writer);
}

void facts_write(struct writer *writer, const struct facts *facts) {
    writer_open_object(writer);
    write_history(writer, facts);
    if (facts->context_available) {
        write_customer(writer, &facts->customer);
        write_infra(writer, facts);
        write_intel(writer, facts);
    } else {
        writer_member_bool(writer, "context_available", false);
    }
    write_crawler(writer, &facts->crawler);
    range_fact_write(writer, &facts->range);
    writer_close_object(writer);
}

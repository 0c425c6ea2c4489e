#include "worker/intake/gather_history.h"

#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/model/log_row.h"
#include "shared/redis/tell_reply.h"
#include "worker/intake/analyze_work.h"

/* SCOPES: customer and type, address, user agent. */
enum { GATHER_MAX = 64, SCOPES = 3 };

/* Threats whose histories come with one reply. */
struct gathering {
    struct gatherer *gatherer;
    struct gathering *next; /* in `open`, until every threat was analysed */
    struct work *works[GATHER_MAX];
    unsigned count;
    int64_t deadline_ms;
    bool asked;    /* a reply, or word of its loss, is still to come */
    bool analyzed; /* went on without the history */
};

struct gatherer {
    struct intake *intake;
    struct gathering *collecting; /* filled by gather_history, sent by gatherer_send */
    struct gathering *open;
    struct command command;
    struct buffer key;
};

struct gatherer *gatherer_new(struct intake *intake) {
    struct gatherer *gatherer = calloc(1, sizeof(*gatherer));
    if (gatherer == NULL)
        abort();
    gatherer->intake = intake;
    return gatherer;
}

void gatherer_free(struct gatherer *gatherer) {
    if (gatherer == NULL)
        return;
    while (gatherer->open != NULL) {
        struct gathering *gathering = gatherer->open;
        gatherer->open = gathering->next;
        free(gathering);
    }
    free(gatherer->collecting);
    command_fini(&gatherer->command);
    buffer_fini(&gatherer->key);
    free(gatherer);
}

static void add_history_key(struct gatherer *gatherer) {
    command_text(&gatherer->command, buffer_text(&gatherer->key));
    buffer_clear(&gatherer->key);
}

static void add_history_keys(struct gatherer *gatherer, const struct work *work) {
    const struct keyspace *keyspace = &gatherer->intake->keyspace;
    buffer_clear(&gatherer->key);
    keyspace_history_customer(keyspace, work->signal.customer_id, work->signal.threat_type, &gatherer->key);
    add_history_key(gatherer);
    keyspace_history_address(keyspace, &work->signal.source_ip, &gatherer->key);
    add_history_key(gatherer);
    if (work->signal.user_agent.at == NULL)
        return;
    keyspace_history_agent(keyspace, log_row_agent_hash(work->signal.user_agent), &gatherer->key);
    add_history_key(gatherer);
}

static size_t take_history(const redisReply *texts, size_t at, struct work *work) {
    struct facts *facts = &work->facts;
    history_read(reply_text(texts->element[at]), &facts->customer_history);
    history_read(reply_text(texts->element[at + 1]), &facts->address_history);
    history_keep_judged(&facts->customer_history);
    history_keep_judged(&facts->address_history);
    if (work->signal.user_agent.at == NULL)
        return at + 2;
    history_read(reply_text(texts->element[at + 2]), &facts->agent_history);
    facts->agent_history.recent_count = 0;
    return at + SCOPES;
}

static size_t scopes_of(const struct gathering *gathering) {
    size_t scopes = 0;
    for (unsigned i = 0; i < gathering->count; i++)
        scopes += gathering->works[i]->signal.user_agent.at == NULL ? SCOPES - 1 : SCOPES;
    return scopes;
}

static void unlink_gathering(struct gathering *gathering) {
    struct gathering **at = &gathering->gatherer->open;
    while (*at != gathering)
        at = &(*at)->next;
    *at = gathering->next;
}

static void analyze_all(struct gathering *gathering) {
    for (unsigned i = 0; i < gathering->count; i++)
        analyze_work(gathering->gatherer->intake, gathering->works[i]);
    gathering->analyzed = true;
}

static void on_histories(void *arg, enum status status, const redisReply *reply) {
    struct gathering *gathering = arg;
    gathering->asked = false;
    if ((reply == NULL || reply_condemns_link(reply)) && !gathering->analyzed)
        return; /* the tick asks again once the link is up */
    if (!gathering->analyzed) {
        bool whole = status == STATUS_OK && reply_is_array(reply, scopes_of(gathering));
        size_t at = 0;
        if (!whole && reply != NULL)
            tell_reply("MGET", reply);
        for (unsigned i = 0; whole && i < gathering->count; i++) {
            gathering->works[i]->facts.history_available = true;
            at = take_history(reply, at, gathering->works[i]);
        }
        analyze_all(gathering);
    }
    unlink_gathering(gathering);
    free(gathering);
}

static void ask_histories(struct gathering *gathering) {
    struct gatherer *gatherer = gathering->gatherer;
    command_begin(&gatherer->command, "MGET");
    for (unsigned i = 0; i < gathering->count; i++)
        add_history_keys(gatherer, gathering->works[i]);
    gathering->deadline_ms = clock_monotonic_ms() + gatherer->intake->settings->agent_deadline_ms;
    gathering->asked = link_send(gatherer->intake->commands, command_finish(&gatherer->command),
                                 LINK_DEADLINE_MS, on_histories, gathering) == STATUS_OK;
}

void gatherer_send(struct gatherer *gatherer) {
    struct gathering *gathering = gatherer->collecting;
    if (gathering == NULL)
        return;
    gatherer->collecting = NULL;
    gathering->next = gatherer->open;
    gatherer->open = gathering;
    ask_histories(gathering);
}

/* Past its deadline a history is given up and told as missing; without a connection it is asked again, since
 * the result could not be stored either. */
void gatherer_tick(struct gatherer *gatherer, int64_t now_ms) {
    for (struct gathering *gathering = gatherer->open, *next; gathering != NULL; gathering = next) {
        next = gathering->next;
        if (!gathering->asked)
            ask_histories(gathering);
        else if (!gathering->analyzed && now_ms > gathering->deadline_ms)
            analyze_all(gathering);
    }
}

void gather_history(struct gatherer *gatherer, struct work *work) {
    if (gatherer->collecting == NULL) {
        gatherer->collecting = calloc(1, sizeof(*gatherer->collecting));
        if (gatherer->collecting == NULL)
            abort();
        gatherer->collecting->gatherer = gatherer;
    }
    struct gathering *gathering = gatherer->collecting;
    gathering->works[gathering->count++] = work;
    if (gathering->count == GATHER_MAX)
        gatherer_send(gatherer);
}

#include "worker/intake/follow_context.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/redis/customer_ids.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "worker/intake/wanted_names.h"

enum {
    BLOCK_MS = 2000,
    BLOCK_SLACK_MS = 2000,
    SCAN_COUNT = 1000,
    CHANGES_PER_READ = 1000,
    FIELDS_MAX = 512,
    LIST_NAME_MAX = 128 /* as shared/context/intel_lists.h has it */
};
enum { ALL_PARTS = CONTEXT_CUSTOMERS | CONTEXT_INFRA | CONTEXT_INTEL };

/* A customer or list whose reply is awaited. */
struct named {
    struct context_follower *follower;
    bool changed; /* it is read because of a change */
    size_t len;
    char name[];
};

struct context_follower {
    struct intake *intake;
    char position[ENTRY_ID_MAX];          /* in context:log */
    unsigned wanted;                      /* parts to read again whole */
    bool search;                          /* customers, too, that nobody named */
    struct wanted_names customers, lists; /* what is to be read again of the others */
    struct wanted_names changed_lists;    /* of the load under way; none: all */
    struct snapshot_builder *builder;     /* NULL: no load under way */
    unsigned awaited;                     /* replies of the load */
    bool failed;
    int64_t load_started_ms;
    struct command command;
    struct buffer key;
};

static void read_changes(struct context_follower *follower);
static void load(struct context_follower *follower);

static void complain(void *arg, const char *record, struct text name, const char *why) {
    (void)arg;
    log_write(LOG_CONTEXT_COMPLAINT, LOG_STRING("record", record), LOG_TEXT("name", name),
              LOG_STRING("reason", why));
}

struct context_follower *context_follower_new(struct intake *intake) {
    struct context_follower *follower = calloc(1, sizeof(*follower));
    if (follower == NULL)
        abort();
    follower->intake = intake;
    return follower;
}

void context_follower_free(struct context_follower *follower) {
    if (follower == NULL)
        return;
    snapshot_builder_free(follower->builder);
    snapshot_free((struct snapshot *)follower->intake->snapshot);
    buffer_fini(&follower->customers.bytes);
    buffer_fini(&follower->lists.bytes);
    buffer_fini(&follower->changed_lists.bytes);
    buffer_fini(&follower->key);
    command_fini(&follower->command);
    free(follower);
}

/* --- sending --- */

static bool send(struct context_follower *follower, link_reply on_reply, void *arg) {
    return link_send(follower->intake->context_link, command_finish(&follower->command), LINK_DEADLINE_MS,
                     on_reply, arg) == STATUS_OK;
}

static void ask(struct context_follower *follower, link_reply on_reply, void *arg) {
    follower->awaited++;
    if (send(follower, on_reply, arg))
        return;
    follower->failed = true;
    follower->awaited--;
}

static struct named *named_new(struct context_follower *follower, struct text name) {
    struct named *named = malloc(sizeof(*named) + name.len);
    if (named == NULL)
        abort();
    named->follower = follower;
    named->changed = false;
    named->len = name.len;
    memcpy(named->name, name.at, name.len);
    return named;
}

static struct text name_of(const struct named *named) {
    return (struct text){named->name, named->len};
}

/* --- the end of a load --- */

static void show_metrics(const struct snapshot_size *size) {
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_CUSTOMERS, (double)size->customers);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INFRA_EVENTS, (double)size->infra_events);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INTEL_LISTS, (double)size->intel_lists);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INTEL_ENTRIES, (double)size->intel_entries);
}

static void swap_snapshot(struct context_follower *follower) {
    struct snapshot *built = snapshot_build(follower->builder),
                    *old = (struct snapshot *)follower->intake->snapshot;
    struct snapshot_size size = snapshot_size(built);
    follower->intake->snapshot = built;
    snapshot_free(old);
    show_metrics(&size);
    log_write(LOG_CONTEXT_LOADED, LOG_NUMBER("customers", size.customers),
              LOG_NUMBER("infra_events", size.infra_events), LOG_NUMBER("intel_entries", size.intel_entries),
              LOG_NUMBER("duration_ms", clock_monotonic_ms() - follower->load_started_ms));
}

static void one_less(struct context_follower *follower) {
    if (--follower->awaited > 0)
        return;
    bool whole = !follower->failed;
    if (whole)
        swap_snapshot(follower);
    snapshot_builder_free(follower->builder);
    follower->builder = NULL;
    if (whole)
        read_changes(follower);
    else
        link_condemn(follower->intake->context_link,
                     "the context could not be read"); /* comes back with backoff */
}

/* A record of another type than it should be is told and left out; a lost connection fails the load. */
static bool usable(struct context_follower *follower, const char *command, enum status status,
                   const redisReply *reply) {
    if (reply == NULL)
        follower->failed = true;
    else if (status != STATUS_OK)
        tell_reply(command, reply);
    return status == STATUS_OK;
}

/* --- customers --- */

/* Whoever else writes records tells us of them by the context's log, but does not know the index. */
static void index_customer(struct context_follower *follower, struct text id, bool exists) {
    command_begin(&follower->command, exists ? "SADD" : "SREM");
    command_string(&follower->command, keyspace_fixed(&follower->intake->keyspace, KEY_CUSTOMERS));
    command_text(&follower->command, id);
    send(follower, NULL, NULL);
}

static void on_customer(void *arg, enum status status, const redisReply *reply) {
    struct named *named = arg;
    struct context_follower *follower = named->follower;
    struct context_field fields[FIELDS_MAX];
    unsigned count = 0;
    if (usable(follower, "HGETALL customer", status, reply)) {
        if (named->changed)
            index_customer(follower, name_of(named), reply_is_array(reply, 2));
        for (size_t i = 0; reply_is_array(reply, 2) && i + 1 < reply->elements && count < FIELDS_MAX; i += 2)
            fields[count++] =
                (struct context_field){reply_text(reply->element[i]), reply_text(reply->element[i + 1])};
        snapshot_builder_customer(follower->builder, name_of(named), fields, count);
    }
    free(named);
    one_less(follower);
}

static void ask_customer(struct context_follower *follower, struct text id, bool changed) {
    struct named *named = named_new(follower, id);
    named->changed = changed;
    buffer_clear(&follower->key);
    keyspace_customer(&follower->intake->keyspace, id, &follower->key);
    command_begin(&follower->command, "HGETALL");
    command_text(&follower->command, buffer_text(&follower->key));
    unsigned before = follower->awaited;
    ask(follower, on_customer, named);
    if (follower->awaited == before)
        free(named);
}

static void ask_customer_ids(struct context_follower *follower, struct text next);

static void on_customer_ids(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (status == STATUS_NO_SCRIPT) {
        follower->failed = true; /* the link brings it when it comes up again */
    } else if (usable(follower, "customer_ids", status, reply) && reply_is_array(reply, 2)) {
        const redisReply *ids = reply->element[1];
        for (size_t i = 0; reply_is_array(ids, 1) && i < ids->elements; i++)
            ask_customer(follower, reply_text(ids->element[i]), false);
        if (reply_text(reply->element[0]).len > 0)
            ask_customer_ids(follower, reply_text(reply->element[0]));
    }
    one_less(follower);
}

static void ask_customer_ids(struct context_follower *follower, struct text next) {
    customer_ids_ask(&follower->command, &follower->intake->keyspace, next);
    ask(follower, on_customer_ids, follower);
}

static void ask_wanted_customers(struct context_follower *follower) {
    struct text id;
    for (size_t at = 0; (id = wanted_names_next(&follower->customers, &at)).at != NULL;)
        ask_customer(follower, id, true);
}

/* --- infra events and intel lists --- */

static void on_infra(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (usable(follower, "HGETALL infra:events", status, reply))
        for (size_t i = 0; reply_is_array(reply, 2) && i + 1 < reply->elements; i += 2)
            snapshot_builder_infra(follower->builder, reply_text(reply->element[i]),
                                   reply_text(reply->element[i + 1]));
    one_less(follower);
}

static void ask_intel_entries(struct named *list, struct text cursor);

static void on_intel_entries(void *arg, enum status status, const redisReply *reply) {
    struct named *list = arg;
    struct context_follower *follower = list->follower;
    bool more = false;
    if (usable(follower, "HSCAN intel:list", status, reply) && reply_is_array(reply, 2)) {
        const redisReply *entries = reply->element[1];
        for (size_t i = 0; reply_is_array(entries, 2) && i + 1 < entries->elements; i += 2)
            snapshot_builder_intel_entry(follower->builder, name_of(list), reply_text(entries->element[i]),
                                         reply_text(entries->element[i + 1]));
        more = !text_is(reply_text(reply->element[0]), "0");
    }
    if (more)
        ask_intel_entries(list, reply_text(reply->element[0]));
    else
        free(list);
    one_less(follower);
}

static void ask_intel_entries(struct named *list, struct text cursor) {
    struct context_follower *follower = list->follower;
    buffer_clear(&follower->key);
    keyspace_intel_list(&follower->intake->keyspace, name_of(list), &follower->key);
    command_begin(&follower->command, "HSCAN");
    command_text(&follower->command, buffer_text(&follower->key));
    command_text(&follower->command, cursor);
    command_string(&follower->command, "COUNT");
    command_signed(&follower->command, SCAN_COUNT);
    unsigned before = follower->awaited;
    ask(follower, on_intel_entries, list);
    if (follower->awaited == before)
        free(list);
}

/* Which lists changed is known, and each of them is a list, or was one. */
static bool changes_are_known(const struct context_follower *follower, const redisReply *lists) {
    const struct snapshot *earlier = follower->intake->snapshot;
    struct text name;
    if (earlier == NULL || follower->changed_lists.count == 0)
        return false;
    for (size_t at = 0; (name = wanted_names_next(&follower->changed_lists, &at)).at != NULL;) {
        bool is_list = snapshot_has_intel_list(earlier, name);
        for (size_t i = 0; i + 1 < lists->elements; i += 2)
            is_list |= text_equal(reply_text(lists->element[i]), name);
        if (!is_list)
            return false;
    }
    return true;
}

/* A list that did not change is not read again: a million entries stay where they are. */
static void take_intel_lists(struct context_follower *follower, const redisReply *lists) {
    const struct snapshot *earlier = follower->intake->snapshot;
    bool known = changes_are_known(follower, lists);
    for (size_t i = 0; i + 1 < lists->elements; i += 2) {
        struct text name = reply_text(lists->element[i]);
        snapshot_builder_intel_list(follower->builder, name, reply_text(lists->element[i + 1]));
        if (!known || wanted_names_have(&follower->changed_lists, name) ||
            !snapshot_builder_intel_same(follower->builder, earlier, name))
            ask_intel_entries(named_new(follower, name), TEXT_LITERAL("0"));
    }
    if (known)
        snapshot_builder_intel_copy(follower->builder, earlier);
}

static void on_intel_lists(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (usable(follower, "HGETALL intel:lists", status, reply) && reply_is_array(reply, 2))
        take_intel_lists(follower, reply);
    one_less(follower);
}

static void ask_hash(struct context_follower *follower, enum fixed_key key, link_reply on_reply) {
    command_begin(&follower->command, "HGETALL");
    command_string(&follower->command, keyspace_fixed(&follower->intake->keyspace, key));
    ask(follower, on_reply, follower);
}

/* --- loads and changes --- */

/* The names move to the load; what is noted meanwhile is for the next one. */
static void begin_lists(struct context_follower *follower, unsigned wanted) {
    struct wanted_names empty = follower->changed_lists;
    wanted_names_clear(&empty);
    follower->changed_lists = follower->lists;
    follower->lists = empty;
    if (wanted & CONTEXT_INTEL)
        wanted_names_clear(&follower->changed_lists);
}

static void load(struct context_follower *follower) {
    unsigned wanted = follower->intake->snapshot == NULL ? ALL_PARTS : follower->wanted;
    bool intel = (wanted & CONTEXT_INTEL) != 0 || follower->lists.count > 0;
    follower->builder = snapshot_builder_new(complain, follower);
    follower->failed = false;
    follower->load_started_ms = clock_monotonic_ms();
    follower->awaited = 1;
    begin_lists(follower, wanted);
    if (follower->intake->snapshot != NULL)
        snapshot_builder_keep(follower->builder, follower->intake->snapshot,
                              ALL_PARTS & ~(wanted | (intel ? CONTEXT_INTEL : 0)));
    if (wanted & CONTEXT_CUSTOMERS)
        ask_customer_ids(follower, follower->search ? CUSTOMER_IDS_SEARCH : TEXT_NONE);
    else
        ask_wanted_customers(follower);
    if (wanted & CONTEXT_INFRA)
        ask_hash(follower, KEY_INFRA_EVENTS, on_infra);
    if (intel)
        ask_hash(follower, KEY_INTEL_LISTS, on_intel_lists);
    follower->wanted = 0;
    follower->search = false;
    wanted_names_clear(&follower->customers);
    one_less(follower);
}

static void note_change(struct context_follower *follower, const redisReply *fields) {
    struct text kind = reply_text(reply_field(fields, "kind"));
    struct text id = reply_text(reply_field(fields, "id"));
    if (text_is(kind, "customer"))
        follower->wanted |=
            wanted_names_add(&follower->customers, id, SIGNAL_CUSTOMER_ID_MAX) ? 0 : CONTEXT_CUSTOMERS;
    else if (text_is(kind, "infra"))
        follower->wanted |= CONTEXT_INFRA;
    else if (text_is(kind, "intel"))
        follower->wanted |= wanted_names_add(&follower->lists, id, LIST_NAME_MAX) ? 0 : CONTEXT_INTEL;
    else
        follower->wanted |= ALL_PARTS;
    follower->search |= (follower->wanted & CONTEXT_CUSTOMERS) != 0;
}

static void keep_position(struct context_follower *follower, const redisReply *id) {
    struct text text = reply_text(id);
    if (text.len > 0 && text.len < sizeof(follower->position)) {
        memcpy(follower->position, text.at, text.len);
        follower->position[text.len] = '\0';
    }
}

static void on_changes(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (status == STATUS_UNAVAILABLE)
        return;
    if (status != STATUS_OK) {
        tell_reply("XREAD context:log", reply);
        link_condemn(follower->intake->context_link, "the context's log cannot be read");
        return;
    }
    const redisReply *entries = reply_is_array(reply, 1) && reply_is_array(reply->element[0], 2)
                                    ? reply->element[0]->element[1]
                                    : NULL;
    for (size_t i = 0; entries != NULL && reply_is_array(entries, 1) && i < entries->elements; i++) {
        if (!reply_is_array(entries->element[i], 2))
            continue;
        keep_position(follower, entries->element[i]->element[0]);
        note_change(follower, entries->element[i]->element[1]);
    }
    if (follower->wanted != 0 || follower->customers.count > 0 || follower->lists.count > 0)
        load(follower);
    else
        read_changes(follower);
}

static void read_changes(struct context_follower *follower) {
    command_begin(&follower->command, "XREAD");
    command_string(&follower->command, "COUNT");
    command_signed(&follower->command, CHANGES_PER_READ);
    command_string(&follower->command, "BLOCK");
    command_signed(&follower->command, BLOCK_MS);
    command_words(&follower->command, "STREAMS", keyspace_fixed(&follower->intake->keyspace, KEY_CONTEXT_LOG),
                  follower->position, NULL);
    link_send(follower->intake->context_link, command_finish(&follower->command), BLOCK_MS + BLOCK_SLACK_MS,
              on_changes, follower);
}

/* The log's end is noted before anything is loaded: a change in between is read twice, never missed. */
static void on_log_end(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (status == STATUS_UNAVAILABLE)
        return;
    snprintf(follower->position, sizeof(follower->position), "0-0");
    if (status == STATUS_OK && reply_is_array(reply, 1) && reply_is_array(reply->element[0], 1))
        keep_position(follower, reply->element[0]->element[0]);
    load(follower);
}

void context_link_up(struct context_follower *follower) {
    follower->wanted = ALL_PARTS;
    follower->search = false;
    command_begin(&follower->command, "XREVRANGE");
    command_words(&follower->command, keyspace_fixed(&follower->intake->keyspace, KEY_CONTEXT_LOG), "+", "-",
                  "COUNT", "1", NULL);
    send(follower, on_log_end, follower);
}

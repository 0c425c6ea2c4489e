#include "worker/intake/load_context.h"

#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/redis/customer_ids.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum { SCAN_COUNT = 1000, FIELDS_MAX = 512 };

/* A customer or list whose reply is awaited. */
struct named {
    struct context_load *load;
    bool changed; /* it is read because of a change */
    size_t len;
    char name[];
};

struct context_load {
    struct intake *intake;
    context_load_end on_end;
    void *owner;
    struct wanted_names changed_lists; /* none: all */
    struct snapshot_builder *builder;
    unsigned awaited; /* replies */
    bool failed;
    int64_t started_ms;
    struct command command;
    struct buffer key;
};

static void complain(void *arg, const char *record, struct text name, const char *why) {
    (void)arg;
    log_write(LOG_CONTEXT_COMPLAINT, LOG_STRING("record", record), LOG_TEXT("name", name),
              LOG_STRING("reason", why));
}

struct context_load *context_load_new(struct intake *intake, context_load_end on_end, void *owner) {
    struct context_load *load = calloc(1, sizeof(*load));
    if (load == NULL)
        abort();
    load->intake = intake;
    load->on_end = on_end;
    load->owner = owner;
    return load;
}

void context_load_free(struct context_load *load) {
    snapshot_builder_free(load->builder);
    buffer_fini(&load->changed_lists.bytes);
    buffer_fini(&load->key);
    command_fini(&load->command);
    free(load);
}

/* --- sending --- */

static bool send(struct context_load *load, link_reply on_reply, void *arg) {
    return link_send(load->intake->context_link, command_finish(&load->command), LINK_DEADLINE_MS, on_reply,
                     arg) == STATUS_OK;
}

static void ask(struct context_load *load, link_reply on_reply, void *arg) {
    load->awaited++;
    if (send(load, on_reply, arg))
        return;
    load->failed = true;
    load->awaited--;
}

static struct named *named_new(struct context_load *load, struct text name) {
    struct named *named = malloc(sizeof(*named) + name.len);
    if (named == NULL)
        abort();
    named->load = load;
    named->changed = false;
    named->len = name.len;
    memcpy(named->name, name.at, name.len);
    return named;
}

static struct text name_of(const struct named *named) {
    return (struct text){named->name, named->len};
}

/* --- the end --- */

static void show_metrics(const struct snapshot_size *size) {
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_CUSTOMERS, (double)size->customers);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INFRA_EVENTS, (double)size->infra_events);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INTEL_LISTS, (double)size->intel_lists);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INTEL_ENTRIES, (double)size->intel_entries);
}

static void swap_snapshot(struct context_load *load) {
    struct snapshot *built = snapshot_build(load->builder), *old = (struct snapshot *)load->intake->snapshot;
    struct snapshot_size size = snapshot_size(built);
    load->intake->snapshot = built;
    snapshot_free(old);
    show_metrics(&size);
    log_write(LOG_CONTEXT_LOADED, LOG_NUMBER("customers", size.customers),
              LOG_NUMBER("infra_events", size.infra_events), LOG_NUMBER("intel_entries", size.intel_entries),
              LOG_NUMBER("duration_ms", clock_monotonic_ms() - load->started_ms));
}

static void one_less(struct context_load *load) {
    if (--load->awaited > 0)
        return;
    if (!load->failed)
        swap_snapshot(load);
    snapshot_builder_free(load->builder);
    load->builder = NULL;
    load->on_end(load->owner, !load->failed);
}

/* A record of another type than it should be is told and left out; a lost connection fails the load. */
static bool usable(struct context_load *load, const char *command, enum status status,
                   const redisReply *reply) {
    if (reply == NULL)
        load->failed = true;
    else if (status != STATUS_OK)
        tell_reply(command, reply);
    return status == STATUS_OK;
}

/* --- customers --- */

/* Whoever else writes records tells us of them by the context's log, but does not know the index. */
static void index_customer(struct context_load *load, struct text id, bool exists) {
    command_begin(&load->command, exists ? "SADD" : "SREM");
    command_string(&load->command, keyspace_fixed(&load->intake->keyspace, KEY_CUSTOMERS));
    command_text(&load->command, id);
    send(load, NULL, NULL);
}

static void on_customer(void *arg, enum status status, const redisReply *reply) {
    struct named *named = arg;
    struct context_load *load = named->load;
    struct context_field fields[FIELDS_MAX];
    unsigned count = 0;
    if (usable(load, "HGETALL customer", status, reply)) {
        if (named->changed)
            index_customer(load, name_of(named), reply_is_array(reply, 2));
        for (size_t i = 0; reply_is_array(reply, 2) && i + 1 < reply->elements && count < FIELDS_MAX; i += 2)
            fields[count++] =
                (struct context_field){reply_text(reply->element[i]), reply_text(reply->element[i + 1])};
        snapshot_builder_customer(load->builder, name_of(named), fields, count);
    }
    free(named);
    one_less(load);
}

static void ask_customer(struct context_load *load, struct text id, bool changed) {
    struct named *named = named_new(load, id);
    named->changed = changed;
    buffer_clear(&load->key);
    keyspace_customer(&load->intake->keyspace, id, &load->key);
    command_begin(&load->command, "HGETALL");
    command_text(&load->command, buffer_text(&load->key));
    unsigned before = load->awaited;
    ask(load, on_customer, named);
    if (load->awaited == before)
        free(named);
}

static void ask_customer_ids(struct context_load *load, struct text next);

static void on_customer_ids(void *arg, enum status status, const redisReply *reply) {
    struct context_load *load = arg;
    if (status == STATUS_NO_SCRIPT) {
        load->failed = true; /* the link brings it when it comes up again */
    } else if (usable(load, "customer_ids", status, reply) && reply_is_array(reply, 2)) {
        const redisReply *ids = reply->element[1];
        for (size_t i = 0; reply_is_array(ids, 1) && i < ids->elements; i++)
            ask_customer(load, reply_text(ids->element[i]), false);
        if (reply_text(reply->element[0]).len > 0)
            ask_customer_ids(load, reply_text(reply->element[0]));
    }
    one_less(load);
}

static void ask_customer_ids(struct context_load *load, struct text next) {
    customer_ids_ask(&load->command, &load->intake->keyspace, next);
    ask(load, on_customer_ids, load);
}

static void ask_wanted_customers(struct context_load *load, const struct wanted_names *wanted) {
    struct text id;
    for (size_t at = 0; (id = wanted_names_next(wanted, &at)).at != NULL;)
        ask_customer(load, id, true);
}

/* --- infra events and intel lists --- */

static void on_infra(void *arg, enum status status, const redisReply *reply) {
    struct context_load *load = arg;
    if (usable(load, "HGETALL infra:events", status, reply))
        for (size_t i = 0; reply_is_array(reply, 2) && i + 1 < reply->elements; i += 2)
            snapshot_builder_infra(load->builder, reply_text(reply->element[i]),
                                   reply_text(reply->element[i + 1]));
    one_less(load);
}

static void ask_intel_entries(struct named *list, struct text cursor);

static void on_intel_entries(void *arg, enum status status, const redisReply *reply) {
    struct named *list = arg;
    struct context_load *load = list->load;
    bool more = false;
    if (usable(load, "HSCAN intel:list", status, reply) && reply_is_array(reply, 2)) {
        const redisReply *entries = reply->element[1];
        for (size_t i = 0; reply_is_array(entries, 2) && i + 1 < entries->elements; i += 2)
            snapshot_builder_intel_entry(load->builder, name_of(list), reply_text(entries->element[i]),
                                         reply_text(entries->element[i + 1]));
        more = !text_is(reply_text(reply->element[0]), "0");
    }
    if (more)
        ask_intel_entries(list, reply_text(reply->element[0]));
    else
        free(list);
    one_less(load);
}

static void ask_intel_entries(struct named *list, struct text cursor) {
    struct context_load *load = list->load;
    buffer_clear(&load->key);
    keyspace_intel_list(&load->intake->keyspace, name_of(list), &load->key);
    command_begin(&load->command, "HSCAN");
    command_text(&load->command, buffer_text(&load->key));
    command_text(&load->command, cursor);
    command_string(&load->command, "COUNT");
    command_signed(&load->command, SCAN_COUNT);
    unsigned before = load->awaited;
    ask(load, on_intel_entries, list);
    if (load->awaited == before)
        free(list);
}

/* Which lists changed is known, and each of them is a list, or was one. */
static bool changes_are_known(const struct context_load *load, const redisReply *lists) {
    const struct snapshot *earlier = load->intake->snapshot;
    struct text name;
    if (earlier == NULL || load->changed_lists.count == 0)
        return false;
    for (size_t at = 0; (name = wanted_names_next(&load->changed_lists, &at)).at != NULL;) {
        bool is_list = snapshot_has_intel_list(earlier, name);
        for (size_t i = 0; i + 1 < lists->elements; i += 2)
            is_list |= text_equal(reply_text(lists->element[i]), name);
        if (!is_list)
            return false;
    }
    return true;
}

/* A list that did not change is not read again: a million entries stay where they are. */
static void take_intel_lists(struct context_load *load, const redisReply *lists) {
    const struct snapshot *earlier = load->intake->snapshot;
    bool known = changes_are_known(load, lists);
    for (size_t i = 0; i + 1 < lists->elements; i += 2) {
        struct text name = reply_text(lists->element[i]);
        snapshot_builder_intel_list(load->builder, name, reply_text(lists->element[i + 1]));
        if (!known || wanted_names_have(&load->changed_lists, name) ||
            !snapshot_builder_intel_same(load->builder, earlier, name))
            ask_intel_entries(named_new(load, name), TEXT_LITERAL("0"));
    }
    if (known)
        snapshot_builder_intel_copy(load->builder, earlier);
}

static void on_intel_lists(void *arg, enum status status, const redisReply *reply) {
    struct context_load *load = arg;
    if (usable(load, "HGETALL intel:lists", status, reply) && reply_is_array(reply, 2))
        take_intel_lists(load, reply);
    one_less(load);
}

static void ask_hash(struct context_load *load, enum fixed_key key, link_reply on_reply) {
    command_begin(&load->command, "HGETALL");
    command_string(&load->command, keyspace_fixed(&load->intake->keyspace, key));
    ask(load, on_reply, load);
}

/* --- the begin --- */

/* The names move here; what is noted meanwhile is for the next load. */
static void take_lists(struct context_load *load, struct context_wish *wish) {
    struct wanted_names empty = load->changed_lists;
    wanted_names_clear(&empty);
    load->changed_lists = wish->lists;
    wish->lists = empty;
    if (wish->parts & CONTEXT_INTEL)
        wanted_names_clear(&load->changed_lists);
}

void context_load_begin(struct context_load *load, struct context_wish *wish) {
    const struct snapshot *earlier = load->intake->snapshot;
    if (earlier == NULL)
        wish->parts = CONTEXT_ALL_PARTS;
    bool intel = (wish->parts & CONTEXT_INTEL) != 0 || wish->lists.count > 0;
    load->builder = snapshot_builder_new(complain, load);
    load->failed = false;
    load->started_ms = clock_monotonic_ms();
    load->awaited = 1;
    take_lists(load, wish);
    if (earlier != NULL)
        snapshot_builder_keep(load->builder, earlier,
                              CONTEXT_ALL_PARTS & ~(wish->parts | (intel ? CONTEXT_INTEL : 0)));
    if (wish->parts & CONTEXT_CUSTOMERS)
        ask_customer_ids(load, wish->search ? CUSTOMER_IDS_SEARCH : TEXT_NONE);
    else
        ask_wanted_customers(load, &wish->customers);
    if (wish->parts & CONTEXT_INFRA)
        ask_hash(load, KEY_INFRA_EVENTS, on_infra);
    if (intel)
        ask_hash(load, KEY_INTEL_LISTS, on_intel_lists);
    wish->parts = 0;
    wish->search = false;
    wanted_names_clear(&wish->customers);
    one_less(load);
}

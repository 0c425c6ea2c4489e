#include "shared/context/infra_events.h"

#include <stdlib.h>

#include "shared/base/rfc3339.h"

enum { ID_MAX = 128, TITLE_MAX = 200, ROOM_AT_FIRST = 16 };

static const int64_t before_ms = 60 * 60 * 1000, after_ms = 5 * 60 * 1000;
static const uint32_t NO_EVENT = UINT32_MAX;
static const char *const members[] = {"kind", "title", "starts_at", "ends_at", "customer_id", NULL};

struct infra_events *infra_events_new(void) {
    struct infra_events *events = calloc(1, sizeof(*events));
    if (events == NULL)
        abort();
    atomic_init(&events->refs, 1);
    return events;
}

struct infra_events *infra_events_ref(struct infra_events *events) {
    atomic_fetch_add(&events->refs, 1);
    return events;
}

void infra_events_unref(struct infra_events *events) {
    if (events == NULL || atomic_fetch_sub(&events->refs, 1) != 1)
        return;
    arena_fini(&events->texts);
    free(events->events);
    free(events);
}

static bool read_required(const struct context_record *at, const json_t *object, const char *member,
                          size_t max, struct text *text) {
    if (!context_record_text(at, object, member, max, text))
        return false;
    if (text->at == NULL)
        context_record_complain(at, "%s: missing", member);
    return text->at != NULL;
}

static bool read_kind(const struct context_record *at, const json_t *object, enum infra_kind *kind) {
    struct text word;
    if (!read_required(at, object, "kind", ID_MAX, &word))
        return false;
    int found = vocabulary_find(&vocabulary_infra_kind, word);
    if (found < 0)
        context_record_complain(at, "kind: %s is unknown", context_record_quote(word).text);
    else
        *kind = (enum infra_kind)found;
    return found >= 0;
}

static bool parse_time(const struct context_record *at, const char *member, struct text written,
                       int64_t *ms) {
    bool good = rfc3339_parse(written, ms);
    if (!good)
        context_record_complain(at, "%s: not a time of RFC 3339", member);
    return good;
}

static bool read_times(const struct context_record *at, const json_t *object, struct infra_event *event) {
    struct text starts, ends;
    if (!read_required(at, object, "starts_at", ID_MAX, &starts) ||
        !parse_time(at, "starts_at", starts, &event->starts_at_ms) ||
        !context_record_text(at, object, "ends_at", ID_MAX, &ends))
        return false;
    event->ends_at_ms = event->starts_at_ms;
    if (ends.at != NULL && !parse_time(at, "ends_at", ends, &event->ends_at_ms))
        return false;
    if (event->ends_at_ms < event->starts_at_ms)
        context_record_complain(at, "ends_at: before starts_at");
    return event->ends_at_ms >= event->starts_at_ms;
}

static bool read_event(const struct context_record *at, const json_t *object, struct infra_event *event) {
    return read_kind(at, object, &event->kind) &&
           read_required(at, object, "title", TITLE_MAX, &event->title) && read_times(at, object, event) &&
           context_record_text(at, object, "customer_id", SIGNAL_CUSTOMER_ID_MAX, &event->customer_id);
}

static struct text keep(struct infra_events *events, struct text text) {
    events->text_bytes += text.len;
    return arena_copy(&events->texts, text);
}

static void add(struct infra_events *events, struct infra_event event) {
    if (events->count == events->room) {
        events->room = events->room == 0 ? ROOM_AT_FIRST : events->room * 2;
        events->events = reallocarray(events->events, events->room, sizeof(*events->events));
        if (events->events == NULL)
            abort();
    }
    event.id = keep(events, event.id);
    event.title = keep(events, event.title);
    event.customer_id = keep(events, event.customer_id);
    event.order = events->count;
    events->events[events->count++] = event;
}

void infra_events_read(struct infra_events *events, const struct complainer *to, struct text id,
                       struct text json) {
    struct context_record at = {to, "infra:events", id};
    struct infra_event event = {.id = id};
    if (!context_record_text_fits(id, ID_MAX)) {
        context_record_complain(&at, "not an id of 1 to %d bytes", ID_MAX);
        return;
    }
    json_t *object = context_record_parse(&at, json, members);
    if (object != NULL && read_event(&at, object, &event))
        add(events, event);
    json_decref(object);
}

static int compare_texts(struct text a, struct text b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.at, b.at, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_ids(const void *left, const void *right) {
    const struct infra_event *a = left, *b = right;
    int order = compare_texts(a->id, b->id);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static int compare_places(const void *left, const void *right) {
    const struct infra_event *a = left, *b = right;
    int order = compare_texts(a->customer_id, b->customer_id);
    if (order == 0)
        order = (a->starts_at_ms > b->starts_at_ms) - (a->starts_at_ms < b->starts_at_ms);
    return order != 0 ? order : compare_texts(a->id, b->id);
}

static void drop_replaced(struct infra_events *events) {
    uint32_t kept = 0;
    qsort(events->events, events->count, sizeof(*events->events), compare_ids);
    for (uint32_t i = 0; i < events->count; i++)
        if (i + 1 == events->count || !text_equal(events->events[i].id, events->events[i + 1].id))
            events->events[kept++] = events->events[i];
    events->count = kept;
}

static void link_longer(struct infra_event *events, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        bool first = i == 0 || !text_equal(events[i].customer_id, events[i - 1].customer_id);
        uint32_t longer = first ? NO_EVENT : i - 1;
        while (longer != NO_EVENT && events[longer].ends_at_ms <= events[i].ends_at_ms)
            longer = events[longer].longer;
        events[i].longer = longer;
    }
}

void infra_events_seal(struct infra_events *events) {
    if (events->count == 0)
        return;
    drop_replaced(events);
    qsort(events->events, events->count, sizeof(*events->events), compare_places);
    link_longer(events->events, events->count);
}

size_t infra_events_bytes(const struct infra_events *events) {
    return sizeof(*events) + events->room * sizeof(*events->events) + events->text_bytes;
}

/* A walk over one customer's events from the latest start backwards. */
struct walk {
    const struct infra_events *events;
    int64_t earliest_end_ms;
    uint32_t at;
};

/* The nearest event at or before `at` that ends late enough: whatever lies between an event that ended too
 * early and its `longer` one ended no later. */
static uint32_t settle(const struct walk *walk, uint32_t at) {
    while (at != NO_EVENT && walk->events->events[at].ends_at_ms < walk->earliest_end_ms)
        at = walk->events->events[at].longer;
    return at;
}

static struct walk walk_start(const struct infra_events *events, struct text customer_id,
                              int64_t detected_at_ms) {
    struct infra_event latest = {.customer_id = customer_id, .starts_at_ms = detected_at_ms + after_ms + 1};
    struct walk walk = {events, detected_at_ms - before_ms, NO_EVENT};
    uint32_t low = 0, high = events->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_places(&events->events[middle], &latest) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && text_equal(events->events[low - 1].customer_id, customer_id))
        walk.at = settle(&walk, low - 1);
    return walk;
}

static const struct infra_event *walk_peek(const struct walk *walk) {
    return walk->at == NO_EVENT ? NULL : &walk->events->events[walk->at];
}

static void walk_step(struct walk *walk) {
    const struct infra_event *event = walk_peek(walk);
    bool last = walk->at == 0 || !text_equal(event[-1].customer_id, event->customer_id);
    walk->at = last ? NO_EVENT : settle(walk, walk->at - 1);
}

static struct infra_fact fact_of(const struct infra_event *event, struct arena *arena) {
    return (struct infra_fact){
        .id = arena_copy(arena, event->id),
        .kind = event->kind,
        .title = arena_copy(arena, event->title),
        .starts_at_ms = event->starts_at_ms,
        .ends_at_ms = event->ends_at_ms,
        .global = event->customer_id.at == NULL,
    };
}

unsigned infra_events_find(const struct infra_events *events, struct text customer_id, int64_t detected_at_ms,
                           struct arena *arena, struct infra_fact found[INFRA_FACTS_MAX]) {
    struct walk own = walk_start(events, customer_id, detected_at_ms);
    struct walk global = walk_start(events, TEXT_NONE, detected_at_ms);
    unsigned count = 0;
    while (count < INFRA_FACTS_MAX && (walk_peek(&own) != NULL || walk_peek(&global) != NULL)) {
        const struct infra_event *a = walk_peek(&own), *b = walk_peek(&global);
        bool take_own = b == NULL || (a != NULL && a->starts_at_ms >= b->starts_at_ms);
        found[count++] = fact_of(take_own ? a : b, arena);
        walk_step(take_own ? &own : &global);
    }
    return count;
}

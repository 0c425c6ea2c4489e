#include "shared/context/intel_lists.h"

#include <stdlib.h>

enum {
    LISTS_MAX = 1024,
    COMPLAINTS_MAX = 16 /* about entries of one list; the rest is counted */
};

static const char *const members[] = {"category", "source",   "as_of",       "score",
                                      "crawler",  "rejected", "imported_at", NULL};

struct intel_lists *intel_lists_new(void) {
    struct intel_lists *lists = calloc(1, sizeof(*lists));
    if (lists == NULL)
        abort();
    atomic_init(&lists->refs, 1);
    return lists;
}

struct intel_lists *intel_lists_ref(struct intel_lists *lists) {
    atomic_fetch_add(&lists->refs, 1);
    return lists;
}

void intel_lists_unref(struct intel_lists *lists) {
    if (lists == NULL || atomic_fetch_sub(&lists->refs, 1) != 1)
        return;
    prefix_matcher_fini(&lists->matcher);
    arena_fini(&lists->texts);
    free(lists->lists);
    free(lists);
}

static bool read_category(const struct context_record *at, const json_t *object,
                          enum intel_category *category) {
    struct text word;
    if (!context_record_text(at, object, "category", INTEL_TEXT_MAX, &word))
        return false;
    int found = vocabulary_find(&vocabulary_intel_category, word);
    if (word.at == NULL)
        context_record_complain(at, "category: missing");
    else if (found < 0)
        context_record_complain(at, "category: %s is unknown", context_record_quote(word).text);
    else
        *category = (enum intel_category)found;
    return found >= 0;
}

static void read_score(const struct context_record *at, const json_t *object, unsigned *score) {
    const json_t *value = json_object_get(object, "score");
    json_int_t number = json_integer_value(value);
    if (value == NULL || json_is_null(value))
        return;
    if (!json_is_integer(value) || number < 0 || number > INTEL_SCORE_MAX)
        context_record_complain(at, "score: not a whole number from 0 to %d", INTEL_SCORE_MAX);
    else
        *score = (unsigned)number;
}

static void read_crawler(const struct context_record *at, const json_t *object, struct intel_list *list) {
    context_record_text(at, object, "crawler", INTEL_NAME_MAX, &list->crawler);
    if (list->category == INTEL_CRAWLER && list->crawler.at == NULL)
        context_record_complain(at, "crawler: missing, so this list confirms nobody");
    if (list->category != INTEL_CRAWLER && list->crawler.at != NULL) {
        context_record_complain(at, "crawler: ignored, the category is another");
        list->crawler = TEXT_NONE;
    }
}

/* The list's number, or `count`. */
static unsigned number_of(struct intel_lists *lists, struct text name) {
    if (lists->current < lists->count && text_equal(lists->lists[lists->current].name, name))
        return lists->current;
    for (unsigned i = 0; i < lists->count; i++)
        if (text_equal(lists->lists[i].name, name))
            return lists->current = i;
    return lists->count;
}

static struct text keep(struct intel_lists *lists, struct text text) {
    lists->text_bytes += text.len;
    return arena_copy(&lists->texts, text);
}

static void put(struct intel_lists *lists, struct intel_list list) {
    unsigned at = number_of(lists, list.name);
    if (at == lists->count && lists->count == lists->room) {
        lists->room = lists->room == 0 ? 16 : lists->room * 2;
        lists->lists = reallocarray(lists->lists, lists->room, sizeof(*lists->lists));
        if (lists->lists == NULL)
            abort();
    }
    list.source = keep(lists, list.source);
    list.as_of = keep(lists, list.as_of);
    list.crawler = keep(lists, list.crawler);
    if (at == lists->count) {
        lists->count++;
        list.name = keep(lists, list.name);
    } else {
        list.name = lists->lists[at].name;
        list.rejected = lists->lists[at].rejected;
    }
    lists->lists[at] = list;
}

void intel_lists_read(struct intel_lists *lists, const struct complainer *to, struct text name,
                      struct text json) {
    struct context_record at = {to, "intel:lists", name};
    struct intel_list list = {.name = name, .score = INTEL_SCORE_DEFAULT};
    if (!context_record_text_fits(name, INTEL_NAME_MAX)) {
        context_record_complain(&at, "not a name of 1 to %d bytes", INTEL_NAME_MAX);
        return;
    }
    if (number_of(lists, name) == lists->count && lists->count == LISTS_MAX) {
        context_record_complain(&at, "more than %d lists", LISTS_MAX);
        return;
    }
    json_t *object = context_record_parse(&at, json, members);
    if (object != NULL && read_category(&at, object, &list.category)) {
        context_record_text(&at, object, "source", INTEL_TEXT_MAX, &list.source);
        context_record_text(&at, object, "as_of", INTEL_TEXT_MAX, &list.as_of);
        read_score(&at, object, &list.score);
        read_crawler(&at, object, &list);
        put(lists, list);
    }
    json_decref(object);
}

static void reject(const struct context_record *at, struct text cidr, const char *why, uint32_t *count) {
    if ((*count)++ < COMPLAINTS_MAX)
        context_record_complain(at, "%s: %s", context_record_quote(cidr).text, why);
}

void intel_lists_read_entry(struct intel_lists *lists, const struct complainer *to, struct text name,
                            struct text cidr, struct text score) {
    struct context_record at = {to, "intel:list", name};
    unsigned owner = number_of(lists, name);
    unsigned long long own_score = 0;
    struct prefix prefix;
    if (owner == lists->count) {
        reject(&at, cidr, "no such list in intel:lists", &lists->strays);
        return;
    }
    struct intel_list *list = &lists->lists[owner];
    const char *why = prefix_parse(cidr, &prefix);
    if (why == NULL && score.len > 0 && !text_to_unsigned(score, INTEL_SCORE_MAX, &own_score))
        why = "score is not a whole number from 0 to 100";
    if (why != NULL)
        reject(&at, cidr, why, &list->rejected);
    else
        prefix_matcher_add(&lists->matcher, &prefix, owner,
                           score.len > 0 ? (unsigned)own_score : INTEL_SCORE_OF_LIST);
}

/* The list, or NULL. */
static struct intel_list *find_list(const struct intel_lists *lists, struct text name) {
    for (unsigned i = 0; i < lists->count; i++)
        if (text_equal(lists->lists[i].name, name))
            return &lists->lists[i];
    return NULL;
}

bool intel_lists_has(const struct intel_lists *lists, struct text name) {
    return find_list(lists, name) != NULL;
}

bool intel_lists_mark_same(struct intel_lists *lists, const struct intel_lists *earlier, struct text name) {
    struct intel_list *list = find_list(lists, name);
    const struct intel_list *before = find_list(earlier, name);
    if (list == NULL || before == NULL)
        return false;
    list->same = true;
    list->rejected = before->rejected;
    return true;
}

void intel_lists_copy(struct intel_lists *lists, const struct intel_lists *earlier) {
    unsigned *owners = calloc(earlier->count + 1, sizeof(*owners));
    if (owners == NULL)
        abort();
    for (unsigned i = 0; i < earlier->count; i++) {
        const struct intel_list *list = find_list(lists, earlier->lists[i].name);
        owners[i] = list != NULL && list->same ? (unsigned)(list - lists->lists) : lists->count;
    }
    for (uint32_t i = 0; i < earlier->matcher.count; i++) {
        const struct prefix_entry *entry = &earlier->matcher.entries[i];
        struct prefix prefix = prefix_entry_prefix(entry);
        if (owners[entry->owner] < lists->count)
            prefix_matcher_add(&lists->matcher, &prefix, owners[entry->owner], entry->score);
    }
    free(owners);
}

static void tell_the_rest(struct text name, uint32_t rejected, const struct complainer *to) {
    struct context_record at = {to, "intel:list", name};
    if (rejected > COMPLAINTS_MAX)
        context_record_complain(&at, "%u more entries left out", (unsigned)(rejected - COMPLAINTS_MAX));
}

void intel_lists_seal(struct intel_lists *lists, const struct complainer *to) {
    prefix_matcher_seal(&lists->matcher);
    for (uint32_t i = 0; i < lists->matcher.count; i++)
        lists->lists[lists->matcher.entries[i].owner].entries++;
    tell_the_rest(TEXT_LITERAL("(unknown)"), lists->strays, to);
    for (unsigned i = 0; i < lists->count; i++) {
        lists->loaded += lists->lists[i].entries > 0;
        tell_the_rest(lists->lists[i].name, lists->lists[i].rejected, to);
    }
}

size_t intel_lists_bytes(const struct intel_lists *lists) {
    return sizeof(*lists) + lists->room * sizeof(*lists->lists) + lists->text_bytes +
           prefix_matcher_bytes(&lists->matcher);
}

/* GET /api/intel/lookup?ip=: the lists that hold an address, each with its longest entry. Asked of Redis by
 * the names that such an entry can have, so that the answer is current and no list is held in memory. */
#include <stdlib.h>

#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/indicator_set.h"
#include "api/context/intel_question.h"
#include "api/http/url_query.h"
#include "shared/context/special_ranges.h"

/* 129 lengths of the address, 33 of the IPv4 address in it, each with its bare form. */
enum { NAMES_MAX = 129 + 1 + 33 + 1 };

struct match {
    unsigned list;
    struct prefix prefix;
    unsigned score;
};

struct address_question {
    struct address address, embedded;
    bool is_embedding;
    struct prefix prefixes[NAMES_MAX]; /* in the order of `names` */
    struct command names;
    unsigned name_count;
    struct match *matches;
    unsigned match_count;
};

static void add_name(struct address_question *own, const struct prefix *prefix, bool bare) {
    char written[PREFIX_TEXT_MAX];
    size_t len = bare ? address_write(&prefix->address, written) : prefix_write(prefix, written);
    command_text(&own->names, (struct text){written, len});
    own->prefixes[own->name_count++] = *prefix;
}

/* Longest first: the address, then what is left when bit after bit is cleared. */
static void add_names(struct address_question *own, const struct address *address) {
    struct prefix prefix = {*address, PREFIX_LENGTH_MAX};
    int shortest = address_is_ipv4(address) ? PREFIX_LENGTH_IPV4 : 0;
    add_name(own, &prefix, true);
    add_name(own, &prefix, false);
    for (int length = PREFIX_LENGTH_MAX - 1; length >= shortest; length--) {
        prefix.address.bytes[length / 8] &= (uint8_t) ~(1u << (7 - length % 8));
        prefix.length = (uint8_t)length;
        add_name(own, &prefix, false);
    }
}

static void ask(struct intel_question *question, struct command *command, struct text key) {
    struct address_question *own = question->own;
    if (own->matches == NULL)
        own->matches = arena_take(&question->arena, question->count * sizeof(*own->matches));
    command_begin(command, "HMGET");
    command_text(command, key);
    command_join(command, &own->names);
}

/* An entry whose score cannot be read is none, as for the workers. */
static bool read_score(const struct intel_metadata *list, struct text written, unsigned *score) {
    unsigned long long value = list->score;
    if (written.at == NULL || (written.len > 0 && !text_to_unsigned(written, INTEL_SCORE_MAX, &value)))
        return false;
    *score = (unsigned)value;
    return true;
}

static void hear(struct intel_question *question, unsigned list, const redisReply *reply) {
    struct address_question *own = question->own;
    for (unsigned i = 0; reply_is_array(reply, own->name_count) && i < own->name_count; i++) {
        unsigned score;
        if (!read_score(&question->lists[list], reply_text(reply->element[i]), &score))
            continue;
        own->matches[own->match_count++] = (struct match){list, own->prefixes[i], score};
        return;
    }
}

/* Longest first, then the higher score, then by name. */
static int compare_matches(const void *left, const void *right) {
    const struct match *a = left, *b = right;
    if (a->prefix.length != b->prefix.length)
        return a->prefix.length > b->prefix.length ? -1 : 1;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return (a->list > b->list) - (a->list < b->list);
}

static void write_match(struct writer *writer, const struct intel_question *question,
                        const struct match *match) {
    char entry[PREFIX_TEXT_MAX];
    writer_open_object(writer);
    intel_metadata_write(writer, &question->lists[match->list]);
    writer_member_text(writer, "entry", (struct text){entry, prefix_write(&match->prefix, entry)});
    writer_member_signed(writer, "score", match->score);
    writer_close_object(writer);
}

static void write_address(struct writer *writer, const char *key, const struct address *address) {
    char written[ADDRESS_TEXT_MAX];
    writer_member_text(writer, key, (struct text){written, address_write(address, written)});
}

static void answer(struct intel_question *question) {
    struct address_question *own = question->own;
    struct range_fact range = special_range_find(&own->address);
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    if (own->match_count > 0)
        qsort(own->matches, own->match_count, sizeof(*own->matches), compare_matches);
    writer_init(&writer, &out);
    writer_open_object(&writer);
    write_address(&writer, "ip", &own->address);
    if (own->is_embedding)
        write_address(&writer, "judged_as", &own->embedded);
    writer_member_signed(&writer, "lists_asked", question->count);
    writer_key(&writer, "matches");
    writer_open_array(&writer);
    for (unsigned i = 0; i < own->match_count; i++)
        write_match(&writer, question, &own->matches[i]);
    writer_close_array(&writer);
    range_fact_write(&writer, &range);
    writer_close_object(&writer);
    exchange_answer_json(question->exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

static void release(struct intel_question *question) {
    command_fini(&((struct address_question *)question->own)->names);
}

static void look_up(struct exchange *exchange, const struct address *address) {
    static const struct intel_question_kind kind = {ask, hear, answer, release};
    struct intel_question *question = intel_question_new(exchange, &kind, sizeof(struct address_question));
    struct address_question *own = question->own;
    own->address = *address;
    own->is_embedding = special_range_unwrap(address, &own->embedded);
    command_begin_part(&own->names);
    if (own->is_embedding)
        add_names(own, &own->embedded);
    add_names(own, address);
    intel_question_ask(question);
}

void look_up_address(struct exchange *exchange) {
    struct arena arena = ARENA_EMPTY;
    struct text rest = exchange->query, name, value;
    struct address address;
    struct faults faults;
    bool found = false;
    faults_init(&faults, &arena);
    while (url_query_next(&rest, &arena, &name, &value)) {
        if (!text_is(name, "ip"))
            faults_add(&faults, &name, "is not a parameter of this call");
        else
            found = value.at != NULL && address_parse(value, &address);
    }
    name = TEXT_LITERAL("ip");
    if (!found)
        faults_add(&faults, &name, "must be an IPv4 or IPv6 address");
    if (faults.count > 0)
        exchange_answer_bad_parameters(exchange, &faults);
    else
        look_up(exchange, &address);
    arena_fini(&arena);
}

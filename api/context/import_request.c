/* POST /api/intel/indicators: what the query and the headers say of the import, before its body is read. */
#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/import_format.h"
#include "api/http/url_query.h"
#include "api/threats/api.h"
#include "shared/base/rfc3339.h"
#include "shared/context/context_record.h"
#include "shared/context/intel_lists.h"

struct import_request {
    struct import_options options;
    int format; /* -1: not told */
    struct arena *arena;
    struct faults *faults;
};

static void set_text(struct import_request *request, const struct text *name, struct text value, size_t max,
                     struct text *into) {
    if (context_record_text_fits(value, max))
        *into = value;
    else
        faults_add(request->faults, name, "must be 1 to %zu bytes without control characters", max);
}

static void set_list(struct import_request *request, const struct text *name, struct text value) {
    set_text(request, name, value, INTEL_NAME_MAX, &request->options.list);
}

static void set_source(struct import_request *request, const struct text *name, struct text value) {
    set_text(request, name, value, INTEL_TEXT_MAX, &request->options.source);
}

static void set_crawler(struct import_request *request, const struct text *name, struct text value) {
    set_text(request, name, value, INTEL_NAME_MAX, &request->options.crawler);
}

static void set_category(struct import_request *request, const struct text *name, struct text value) {
    request->options.category = vocabulary_find(&vocabulary_intel_category, value);
    if (request->options.category < 0)
        faults_add(request->faults, name, "is not a category of lists");
}

static void set_format(struct import_request *request, const struct text *name, struct text value) {
    request->format = vocabulary_find(&vocabulary_import_format, value);
    if (request->format < 0)
        faults_add(request->faults, name, "must be plain, csv, stix, misp or crawler_ranges");
}

/* A day, or a time of RFC 3339. */
static void set_as_of(struct import_request *request, const struct text *name, struct text value) {
    int64_t ms;
    struct text time = arena_printf(request->arena, "%.*sT00:00:00Z", (int)value.len, value.at);
    char *copy = (char *)arena_copy(request->arena, value).at;
    if (value.len > 6 && copy[value.len - 6] == ' ')
        copy[value.len - 6] = '+'; /* an offset's plus, decoded to a blank */
    if (value.len <= 64 && (rfc3339_parse((struct text){copy, value.len}, &ms) || rfc3339_parse(time, &ms)))
        request->options.as_of = (struct text){copy, value.len};
    else
        faults_add(request->faults, name, "must be a date or a time of RFC 3339");
}

static void set_score(struct import_request *request, const struct text *name, struct text value) {
    unsigned long long score;
    if (text_to_unsigned(value, INTEL_SCORE_MAX, &score))
        request->options.score = (unsigned)score;
    else
        faults_add(request->faults, name, "must be an integer from 0 to %d", INTEL_SCORE_MAX);
}

static void set_family(struct import_request *request, const struct text *name, struct text value) {
    if (text_is(value, "ipv4"))
        request->options.family = FAMILY_IPV4;
    else if (text_is(value, "ipv6"))
        request->options.family = FAMILY_IPV6;
    else
        faults_add(request->faults, name, "must be ipv4 or ipv6");
}

static void set_partial(struct import_request *request, const struct text *name, struct text value) {
    request->options.partial = text_is(value, "true");
    if (!request->options.partial && !text_is(value, "false"))
        faults_add(request->faults, name, "must be true or false");
}

struct parameter_row {
    const char *name;
    void (*set)(struct import_request *request, const struct text *name, struct text value);
};

static const struct parameter_row parameters[] = {
    {"list", set_list},       {"category", set_category}, {"format", set_format},
    {"source", set_source},   {"as_of", set_as_of},       {"score", set_score},
    {"crawler", set_crawler}, {"family", set_family},     {"partial", set_partial},
};

static void set_parameter(struct import_request *request, struct text name, struct text value) {
    for (unsigned i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if (text_is(name, parameters[i].name)) {
            if (value.at == NULL)
                faults_add(request->faults, &name, "is not valid UTF-8");
            else
                parameters[i].set(request, &name, value);
            return;
        }
    faults_add(request->faults, &name, "is not a parameter of this call");
}

static void require(struct import_request *request, const char *parameter, const char *why) {
    struct text name = text_of(parameter);
    for (unsigned i = 0; i < request->faults->count; i++)
        if (text_equal((struct text){request->faults->rows[i].pointer.at + 1,
                                     request->faults->rows[i].pointer.len - 1},
                       name))
            return; /* was there, and was wrong */
    faults_add(request->faults, &name, "%s", why);
}

/* What the parameters must be together. */
static void judge(struct import_request *request) {
    struct import_options *options = &request->options;
    bool ranges = options->format == IMPORT_CRAWLER_RANGES;
    if (options->list.at == NULL && options->format != IMPORT_MISP)
        require(request, "list", "is required");
    if (ranges && options->category < 0)
        options->category = INTEL_CRAWLER;
    if (options->category < 0)
        require(request, "category", "is required");
    else if (ranges && options->category != INTEL_CRAWLER)
        require(request, "category", "must be crawler for crawler_ranges");
    else if (options->category == INTEL_CRAWLER && options->crawler.at == NULL)
        require(request, "crawler", "is required for the category crawler: whose ranges are these?");
    else if (options->category != INTEL_CRAWLER && options->crawler.at != NULL)
        require(request, "crawler", "is for the category crawler only");
}

static bool read_options(struct exchange *exchange, struct import_request *request) {
    struct text rest = exchange->query, name, value;
    while (url_query_next(&rest, request->arena, &name, &value))
        set_parameter(request, name, value);
    struct text body = exchange_body(exchange);
    if (request->format < 0)
        request->format = import_format_guess(exchange_header(exchange, "content-type"), body);
    if (request->format < 0 && request->faults->count == 0) {
        exchange_answer_problem(exchange, STATUS_UNSUPPORTED_TYPE,
                                "say format=plain, csv, stix, misp or crawler_ranges");
        return false;
    }
    request->options.format = request->format < 0 ? IMPORT_PLAIN : (enum import_format)request->format;
    judge(request);
    if (request->faults->count > 0)
        exchange_answer_bad_parameters(exchange, request->faults);
    return request->faults->count == 0;
}

static bool size_is_fine(struct exchange *exchange, enum import_format format) {
    bool text = format == IMPORT_PLAIN || format == IMPORT_CSV;
    if (exchange_body(exchange).len <= (text ? IMPORT_TEXT_BODY_MAX : IMPORT_JSON_BODY_MAX))
        return true;
    exchange_answer_problem(exchange, STATUS_TOO_LARGE,
                            text ? "a list of lines has at most 16777216 bytes"
                                 : "a list in JSON has at most 8388608 bytes");
    return false;
}

void post_indicators(struct exchange *exchange) {
    struct api *api = exchange->app;
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct import_request request = {.options = {.category = -1, .score = INTEL_SCORE_DEFAULT},
                                     .format = -1,
                                     .arena = &arena,
                                     .faults = &faults};
    faults_init(&faults, &arena);
    if (exchange_body(exchange).len > IMPORT_TEXT_BODY_MAX)
        size_is_fine(exchange, IMPORT_PLAIN);
    else if (!link_is_up(api->commands))
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "nothing was taken: try again");
    else if (read_options(exchange, &request) && size_is_fine(exchange, request.options.format))
        replace_list(api->imports, exchange, &request.options);
    arena_fini(&arena);
}

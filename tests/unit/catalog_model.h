/* A catalog so simple that it must be right (one array, searched from end to end), and random histories that
 * tests apply to it and to the real one. */
#ifndef SOC_TESTS_CATALOG_MODEL_H
#define SOC_TESTS_CATALOG_MODEL_H

#include <stdlib.h>

#include "api/catalog/catalog.h"

enum { MODEL_CUSTOMERS = 24, MODEL_ADDRESSES = 16, MODEL_ROWS_MAX = 8192 };

#define MODEL_NOW_MS INT64_C(1763696000000)

struct model {
    uint64_t random;
    int64_t now_ms;
    struct log_row rows[MODEL_ROWS_MAX];
    int count;
    struct uuid gone; /* the last one that expired */
};

static const char *const model_customers[MODEL_CUSTOMERS][2] = {
    {"acme", "Acme Inc"},
    {"acme", "ACME Incorporated"},
    {"Globex", "Globex Bank"},
    {"umbrella-7", "Umbrella"},
    {"x", ""},
    {"10.0", "Ten Dot Zero"},
    {"bot", "Traffic Shop"},
    {"initech", "Initech\nLLC"},
    {"zurich", "Zürich Re"},
    {"tokyo", "東京"},
    {"a.b_c-d", "Alphabet"},
    {"db8", "Data Base Eight"},
};

static const char *const model_addresses[MODEL_ADDRESSES] = {
    "203.0.113.7", "10.0.0.1",         "192.168.100.200", "8.8.8.8",
    "2001:db8::1", "2001:db8:0:1::ff", "fe80::1:2:3:4",   "::1",
    "::",          "::1.2.3.4",        "2001:0:0:1::2:0", "1:2:3:4:5:6:7:8",
    "100.64.0.9",  "64:ff9b::a",       "a:b:c::",         "255.255.255.255"};

static inline uint64_t model_random(struct model *model, uint64_t below) {
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return (model->random >> 11) % below;
}

static inline struct model *model_new(uint64_t seed) {
    struct model *model = calloc(1, sizeof(*model));
    model->random = (seed + 1) * 0x9e3779b97f4a7c15u;
    model->now_ms = MODEL_NOW_MS;
    return model;
}

static inline struct uuid model_uuid(struct model *model, int64_t ms) {
    struct uuid id;
    for (int i = 0; i < 16; i++)
        id.bytes[i] = (uint8_t)(i < 6 ? ms >> (40 - 8 * i) : (int64_t)model_random(model, 256));
    if (model_random(model, 8) == 0)
        id.bytes[6] = id.bytes[7] = 0x70; /* many that differ only in their second half */
    return id;
}

static inline int model_find(const struct model *model, const struct uuid *id) {
    for (int i = model->count - 1; i >= 0; i--)
        if (uuid_compare(&model->rows[i].id, id) == 0)
            return i;
    return -1;
}

static inline void model_apply(struct model *model, const struct log_row *row) {
    int at = model_find(model, &row->id);
    if (row->kind == EVENT_EXPIRED) {
        if (at >= 0)
            model->rows[at] = model->rows[--model->count];
    } else if (at < 0) {
        model->rows[model->count++] = *row;
    } else if (row->kind != EVENT_CREATED) {
        model->rows[at] = *row;
    }
}

/* A pending threat; nearly in order, now and then very late, now and then with an odd created_at. */
static inline struct log_row model_created(struct model *model) {
    static const char *const filler[] = {"c", "customer", "cust-00"};
    model->now_ms += (int64_t)model_random(model, 400);
    int64_t ms = model->now_ms - (int64_t)model_random(model, model_random(model, 20) == 0 ? 100000000 : 50);
    uint64_t customer = model_random(model, MODEL_CUSTOMERS);
    const char *const *texts = model_customers[customer];
    struct log_row row = {
        .kind = EVENT_CREATED,
        .id = model_uuid(model, ms),
        .created_at_ms = model_random(model, 50) == 0 ? (int64_t)model_random(model, 253402300799999) : ms,
        .threat_type = (enum threat_type)model_random(model, THREAT_TYPE_COUNT),
        .severity = SEVERITY_NONE,
        .agent_hash = model_random(model, 3) == 0 ? 0 : model_random(model, UINT64_MAX),
        .customer_id = text_of(texts[0] == NULL ? filler[customer % 3] : texts[0]),
        .customer_name = text_of(texts[0] == NULL ? "Filler" : texts[1]),
    };
    address_parse(text_of(model_addresses[model_random(model, MODEL_ADDRESSES)]), &row.source_ip);
    return row;
}

static inline struct log_row model_analysed(struct model *model, struct log_row row) {
    row.kind = model_random(model, 10) == 0 ? EVENT_FAILED : EVENT_COMPLETED;
    row.status = row.kind == EVENT_FAILED ? THREAT_FAILED : THREAT_COMPLETED;
    row.severity =
        row.kind == EVENT_FAILED ? SEVERITY_NONE : (enum severity)model_random(model, SEVERITY_NONE);
    row.requires_review = model_random(model, 3) == 0;
    row.risk_score = (unsigned)model_random(model, LOG_ROW_RISK_MAX + 1);
    row.fp_milli = (unsigned)model_random(model, LOG_ROW_FP_MILLI_MAX + 1);
    row.completed_at_ms = row.created_at_ms + (int64_t)model_random(model, 1000);
    return row;
}

static inline struct log_row model_updated(struct model *model, struct log_row row) {
    row.kind = EVENT_UPDATED;
    row.verdict = (enum verdict)model_random(model, VERDICT_COUNT);
    if (model_random(model, 10) == 0)
        row.customer_name = text_of("Renamed");
    if (model_random(model, 20) == 0)
        row.created_at_ms += (int64_t)model_random(model, 10000000);
    return row;
}

/* Old ones leave most, but any may. */
static inline struct log_row model_expired(struct model *model) {
    int oldest = (int)model_random(model, (uint64_t)model->count);
    for (int i = 0; model_random(model, 4) != 0 && i < model->count; i++)
        if (uuid_compare(&model->rows[i].id, &model->rows[oldest].id) < 0)
            oldest = i;
    model->gone = model->rows[oldest].id;
    return (struct log_row){.kind = EVENT_EXPIRED, .id = model->gone};
}

/* One step of a history that grows while there are fewer than `rows`. */
static inline struct log_row model_next(struct model *model, int rows) {
    uint64_t dice = model_random(model, 100);
    if (model->count == 0 || dice < (model->count < rows ? 45u : 20u))
        return model_created(model);
    struct log_row any = model->rows[model_random(model, (uint64_t)model->count)];
    if (dice < 65)
        return model_analysed(model, any);
    if (dice < 75)
        return model_updated(model, any);
    if (dice < 80)
        any.kind = EVENT_CREATED; /* again, and late */
    else if (dice < 82)
        any = (struct log_row){.kind = EVENT_EXPIRED, .id = model->gone}; /* twice */
    else if (dice < 84)
        any = model_analysed(model, model_created(model)); /* the creation was trimmed */
    else if (model->count > rows / 2)
        any = model_expired(model);
    return any;
}

static inline int model_newer_first(const void *a, const void *b) {
    return uuid_compare(&((const struct log_row *)b)->id, &((const struct log_row *)a)->id);
}

static inline void model_sort(struct model *model) {
    qsort(model->rows, (size_t)model->count, sizeof(model->rows[0]), model_newer_first);
}

#endif

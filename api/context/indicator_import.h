/* An import of one list as steps that know neither Redis nor a loop: the body comes in, entries and a report
 * of every rejected line come out. Nothing is taken over from here. */
#ifndef SOC_API_INDICATOR_IMPORT_H
#define SOC_API_INDICATOR_IMPORT_H

#include "api/context/indicator_set.h"
#include "shared/base/buffer.h"
#include "shared/json/reader.h"
#include "shared/json/writer.h"
#include "shared/model/vocabulary.h"

enum {
    IMPORT_TEXT_BODY_MAX = 16 * 1024 * 1024,
    IMPORT_JSON_BODY_MAX = 8 * 1024 * 1024,
    IMPORT_ERRORS_MAX = 10000 /* named in the report; the rest is counted */
};

enum import_family { FAMILY_ANY, FAMILY_IPV4, FAMILY_IPV6 };

/* Texts are borrowed; at == NULL: not told. */
struct import_options {
    enum import_format format;
    struct text list; /* may come from the body of a MISP warninglist */
    int category;     /* of vocabulary_intel_category */
    struct text source, as_of, crawler;
    unsigned score; /* of entries that have none */
    enum import_family family;
    bool partial; /* good lines are taken although others are rejected */
};

enum csv_column { CSV_ADDRESS, CSV_SCORE, CSV_UNKNOWN };
enum { CSV_COLUMNS_MAX = 16 };

struct indicator_import {
    struct import_options options;
    int64_t now_ms;
    struct text body; /* borrowed while steps are made */
    struct arena arena;
    struct indicator_set set;
    bool broken;    /* the document as a whole cannot be used */
    uint32_t lines; /* lines read, or items */

    size_t at; /* text formats: where the next line begins */
    enum csv_column columns[CSV_COLUMNS_MAX];
    unsigned column_count; /* 0: no row seen yet */

    struct reader reader; /* JSON formats */
    bool in_items, items_seen, started;
    bool is_bundle;     /* STIX: "type" said so */
    const char *member; /* of the current item, for its pointer: "" or "/ipv4Prefix" */
    uint32_t ignored;   /* STIX objects that are no indicators */
    uint32_t rejected;
    struct buffer errors; /* rows of the report */
    struct writer errors_writer;
};

void indicator_import_init(struct indicator_import *import, const struct import_options *options,
                           struct text body, int64_t now_ms);
void indicator_import_fini(struct indicator_import *import);

/* Reads at most `budget` lines or items; true when the body is read to its end. */
bool indicator_import_step(struct indicator_import *import, unsigned budget);

/* After the last step: may the list be replaced? */
bool indicator_import_is_good(const struct indicator_import *import);

void import_report_write(struct writer *writer, const struct indicator_import *import);

/* The list's record in intel:lists. */
void import_metadata_write(struct writer *writer, const struct indicator_import *import);

/* --- for the formats --- */

/* Rejects the current line or item. */
void import_reject(struct indicator_import *import, struct text value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The document as a whole is of no use. */
void import_break(struct indicator_import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads an entry of the current line or item: takes or rejects it. `family` is that of the field it stands
 * in. */
void import_take(struct indicator_import *import, struct text written, unsigned score,
                 enum import_family family);

/* What is wrong with it as an entry of this family and of this import; NULL: nothing. */
const char *import_judge(const struct indicator_import *import, struct text written,
                         enum import_family family, struct prefix *prefix);

/* Takes what import_judge found good, unless it is a duplicate. */
void import_add(struct indicator_import *import, const struct prefix *prefix, unsigned score,
                struct text value);

struct import_format_row {
    void (*read_line)(struct indicator_import *import, struct text line); /* text formats */
    const char *items; /* JSON: the member with the items */
    void (*read_item)(struct indicator_import *import, struct text json); /* valid JSON */
    /* True when it took the member's value. */
    bool (*read_member)(struct indicator_import *import, struct text name);
    void (*finish)(struct indicator_import *import); /* may be NULL */
};

extern const struct import_format_row plain_list, csv_list, stix_bundle, misp_list, crawler_ranges;

#endif

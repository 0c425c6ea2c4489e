#include "tests/support/case_match.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTER_MAX = 512, SHOWN_MAX = 300 };

/* Where both sides stand. The report is NULL while elements are tried out. */
struct match {
    struct case_report *report;
    char pointer[POINTER_MAX];
};

static bool match(struct match *at, const json_t *expected, const json_t *found);

void case_fault(struct case_report *report, const char *format, ...) {
    va_list args;
    char *told = NULL;
    va_start(args, format);
    if (vasprintf(&told, format, args) < 0)
        abort();
    va_end(args);
    report->faults++;
    buffer_printf(&report->lines, "%s: %s: %s\n", report->file, report->name, told);
    free(told);
}

static bool differ(struct match *at, const json_t *expected, const json_t *found) {
    if (at->report == NULL)
        return false;
    char *wanted = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char *is = found == NULL ? strdup("nothing")
                             : json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    case_fault(at->report, "%s: expected %s, found %.*s", at->pointer[0] == '\0' ? "/" : at->pointer, wanted,
               SHOWN_MAX, is);
    free(wanted);
    free(is);
    return false;
}

static bool match_below(struct match *at, const char *token, const json_t *expected, const json_t *found) {
    size_t len = strlen(at->pointer);
    snprintf(at->pointer + len, sizeof(at->pointer) - len, "/%s", token);
    bool matches = match(at, expected, found);
    at->pointer[len] = '\0';
    return matches;
}

static bool match_members(struct match *at, const json_t *expected, const json_t *found) {
    const char *name;
    json_t *value;
    bool matches = true;
    if (!json_is_object(found))
        return differ(at, expected, found);
    json_object_foreach((json_t *)expected, name, value) {
        matches &= match_below(at, name, value, json_object_get(found, name));
    }
    return matches;
}

static bool match_elements(struct match *at, const json_t *expected, const json_t *found) {
    char token[24];
    size_t i;
    json_t *value;
    bool matches = true;
    if (!json_is_array(found) || json_array_size(found) != json_array_size(expected))
        return differ(at, expected, found);
    json_array_foreach(expected, i, value) {
        snprintf(token, sizeof(token), "%zu", i);
        matches &= match_below(at, token, value, json_array_get(found, i));
    }
    return matches;
}

static bool has_element(const json_t *expected, const json_t *found) {
    struct match trying = {.report = NULL};
    size_t i;
    json_t *element;
    json_array_foreach(found, i, element) {
        if (match(&trying, expected, element))
            return true;
    }
    return false;
}

static bool match_contains(struct match *at, const json_t *expected, const json_t *found) {
    size_t i;
    json_t *element;
    bool matches = true;
    json_array_foreach(expected, i, element) {
        if (!has_element(element, found))
            matches = differ(at, element, found);
    }
    return matches;
}

bool case_text_matches(const char *regex, const char *text, struct case_report *report) {
    regex_t compiled;
    if (regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB) != 0) {
        if (report != NULL)
            case_fault(report, "%s is no regular expression", regex);
        return false;
    }
    bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static bool match_regex(struct match *at, const json_t *expected, const json_t *found) {
    const char *regex = json_string_value(json_object_get(expected, "matches"));
    bool matches = json_is_string(found) && regex != NULL &&
                   case_text_matches(regex, json_string_value(found), at->report);
    return matches ? true : differ(at, expected, found);
}

/* The one member of an object that stands for something else; NULL: it stands for itself. */
static const json_t *sign(const json_t *expected, const char *name) {
    return json_object_size(expected) == 1 ? json_object_get(expected, name) : NULL;
}

static bool match(struct match *at, const json_t *expected, const json_t *found) {
    if (json_is_true(sign(expected, "absent")))
        return found == NULL ? true : differ(at, expected, found);
    if (json_is_string(sign(expected, "matches")))
        return match_regex(at, expected, found);
    if (json_is_array(sign(expected, "contains")))
        return match_contains(at, sign(expected, "contains"), found);
    if (json_is_object(expected))
        return match_members(at, expected, found);
    if (json_is_array(expected))
        return match_elements(at, expected, found);
    if (json_is_number(expected) && json_is_number(found))
        return json_number_value(expected) == json_number_value(found) ? true : differ(at, expected, found);
    return json_equal(expected, found) ? true : differ(at, expected, found);
}

void case_match(const json_t *expected, const json_t *found, struct case_report *report) {
    struct match at = {.report = report};
    match(&at, expected, found);
}

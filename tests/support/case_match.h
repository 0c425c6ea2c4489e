/* Compares what a case expects with what was found: objects by the members that are expected, arrays element
 * by element, the rest exactly. {"absent":true} stands for a member that must not be there,
 * {"matches":"REGEX"} for a text (POSIX extended, anywhere in it), {"contains":[…]} for an array that has
 * such elements in any order. */
#ifndef SOC_TESTS_CASE_MATCH_H
#define SOC_TESTS_CASE_MATCH_H

#include <jansson.h>

#include "shared/base/buffer.h"

struct case_report {
    const char *file;
    const char *name; /* of the case */
    unsigned faults;
    struct buffer lines; /* one for each fault: file, name, JSON Pointer, expected, found */
};

/* `found` is NULL where nothing stands. */
void case_match(const json_t *expected, const json_t *found, struct case_report *report);

/* For what is wrong with a case itself. */
void case_fault(struct case_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* False too when the expression is none; that is a fault. */
bool case_text_matches(const char *regex, const char *text, struct case_report *report);

#endif

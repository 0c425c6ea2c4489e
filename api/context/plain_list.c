/* One address or CIDR a line; comments begin with # or ;. A number behind the entry (ipsum's count of lists)
 * is passed over. */
#include "api/context/indicator_import.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static struct text without_comment(struct text line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '#' || line.at[i] == ';')
            line.len = i;
    while (line.len > 0 && is_blank(line.at[line.len - 1]))
        line.len--;
    while (line.len > 0 && is_blank(line.at[0]))
        line = (struct text){line.at + 1, line.len - 1};
    return line;
}

static void read_line(struct indicator_import *import, struct text line) {
    struct text rest = without_comment(line), entry = rest;
    unsigned long long number;
    if (rest.len == 0)
        return;
    for (size_t i = 0; i < rest.len; i++)
        if (is_blank(rest.at[i])) {
            entry.len = i;
            break;
        }
    rest = (struct text){rest.at + entry.len, rest.len - entry.len};
    while (rest.len > 0 && is_blank(rest.at[0]))
        rest = (struct text){rest.at + 1, rest.len - 1};
    if (rest.len > 0 && !text_to_unsigned(rest, UINT32_MAX, &number))
        import_reject(import, line, "has more than an address or CIDR");
    else
        import_take(import, entry, INDICATOR_SCORE_OF_LIST, FAMILY_ANY);
}

const struct import_format_row plain_list = {.read_line = read_line};

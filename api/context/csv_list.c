/* CSV (RFC 4180, one line a row): an address and perhaps a score. A first row of names says which column is
 * which; without one the address stands first. */
#include "api/context/indicator_import.h"
#include "shared/context/context_record.h"
#include "shared/context/intel_lists.h"

struct csv_row {
    struct text cells[CSV_COLUMNS_MAX];
    unsigned count;
};

static struct text trimmed(struct text cell) {
    while (cell.len > 0 && (cell.at[0] == ' ' || cell.at[0] == '\t'))
        cell = (struct text){cell.at + 1, cell.len - 1};
    while (cell.len > 0 && (cell.at[cell.len - 1] == ' ' || cell.at[cell.len - 1] == '\t'))
        cell.len--;
    return cell;
}

/* Nothing that we read has quotes in it, so a quoted cell ends at the next one. */
static const char *take_cell(struct text *rest, struct text *cell) {
    struct text text = trimmed(*rest);
    bool quoted = text.len > 0 && text.at[0] == '"';
    const char *from = quoted ? text.at + 1 : text.at, *end = text.at + text.len;
    const char *close = quoted ? memchr(from, '"', (size_t)(end - from)) : from;
    if (close == NULL)
        return "has a quote that is not closed";
    const char *comma = memchr(close, ',', (size_t)(end - close));
    const char *stop = comma == NULL ? end : comma;
    *cell = trimmed((struct text){from, (size_t)((quoted ? close : stop) - from)});
    if (quoted && trimmed((struct text){close + 1, (size_t)(stop - close - 1)}).len > 0)
        return "has text behind a quoted cell";
    *rest = comma == NULL ? TEXT_NONE : (struct text){comma + 1, (size_t)(end - comma - 1)};
    return NULL;
}

static const char *split(struct text line, struct csv_row *row) {
    row->count = 0;
    while (line.at != NULL) {
        if (row->count == CSV_COLUMNS_MAX)
            return "has too many columns";
        const char *why = take_cell(&line, &row->cells[row->count++]);
        if (why != NULL)
            return why;
    }
    return NULL;
}

static bool is_name(struct text cell) {
    if (cell.len == 0)
        return false;
    for (size_t i = 0; i < cell.len; i++) {
        char c = cell.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inner = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ' ';
        if (!letter && (i == 0 || !inner))
            return false;
    }
    return true;
}

/* A first row of names only. */
static bool is_header(const struct csv_row *row) {
    for (unsigned i = 0; i < row->count; i++)
        if (!is_name(row->cells[i]))
            return false;
    return true;
}

static enum csv_column column_of(struct text name) {
    static const char *const addresses[] = {"ip", "address", "indicator", "cidr"};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        if (text_equal_ignoring_case(name, text_of(addresses[i])))
            return CSV_ADDRESS;
    return text_equal_ignoring_case(name, TEXT_LITERAL("score")) ? CSV_SCORE : CSV_UNKNOWN;
}

static void read_header(struct indicator_import *import, const struct csv_row *row) {
    unsigned addresses = 0, scores = 0;
    for (unsigned i = 0; i < row->count; i++) {
        import->columns[i] = column_of(row->cells[i]);
        addresses += import->columns[i] == CSV_ADDRESS;
        scores += import->columns[i] == CSV_SCORE;
        if (import->columns[i] == CSV_UNKNOWN)
            import_reject(import, row->cells[i], "the column %s is unknown",
                          context_record_quote(row->cells[i]).text);
    }
    import->column_count = row->count;
    if (addresses != 1 || scores > 1)
        import_break(import, "%s",
                     addresses == 0 ? "has no column ip, address, indicator or cidr"
                                    : "has two columns of one meaning");
}

static void read_row(struct indicator_import *import, struct text line, const struct csv_row *row) {
    struct text address = TEXT_NONE, written = TEXT_NONE;
    unsigned long long score = INDICATOR_SCORE_OF_LIST;
    if (row->count > import->column_count) {
        import_reject(import, line, "has %u columns instead of %u", row->count, import->column_count);
        return;
    }
    for (unsigned i = 0; i < row->count; i++) {
        if (import->columns[i] == CSV_ADDRESS)
            address = row->cells[i];
        else if (import->columns[i] == CSV_SCORE)
            written = row->cells[i];
    }
    if (address.at == NULL)
        import_reject(import, line, "has no cell in the column of addresses");
    else if (written.len > 0 && !text_to_unsigned(written, INTEL_SCORE_MAX, &score))
        import_reject(import, line, "score must be an integer from 0 to 100");
    else
        import_take(import, address, (unsigned)score, FAMILY_ANY);
}

static void read_line(struct indicator_import *import, struct text line) {
    struct text content = trimmed(line);
    struct csv_row row;
    if (content.len == 0 || content.at[0] == '#')
        return;
    const char *why = split(content, &row);
    if (why != NULL) {
        import_reject(import, line, "%s", why);
        return;
    }
    if (import->column_count == 0 && is_header(&row)) {
        read_header(import, &row);
        return;
    }
    if (import->column_count == 0) {
        import->column_count = 2;
        import->columns[0] = CSV_ADDRESS;
        import->columns[1] = CSV_SCORE;
    }
    read_row(import, line, &row);
}

const struct import_format_row csv_list = {.read_line = read_line};

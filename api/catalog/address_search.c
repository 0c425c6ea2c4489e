#include "api/catalog/address_search.h"

enum { OCTETS = 4, OCTET_DIGITS = 3, HEXTET_DIGITS = 4 };

static bool only_of(struct text text, const char *set) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\0' || strchr(set, text.at[i]) == NULL)
            return false;
    return true;
}

/* Takes what stands before the next separator, or all. */
static struct text take_piece(struct text *rest, const char *separator, bool *last) {
    size_t width = strlen(separator);
    const char *end = rest->len == 0 ? NULL : memmem(rest->at, rest->len, separator, width);
    struct text piece = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
    *last = end == NULL;
    if (!*last)
        *rest = (struct text){end + width, rest->len - piece.len - width};
    return piece;
}

static bool piece_fits_text(struct text piece, struct text octet, bool from_start, bool to_end) {
    if (piece.len > octet.len || (from_start && to_end && piece.len != octet.len))
        return false;
    if (from_start)
        return memcmp(octet.at, piece.at, piece.len) == 0;
    if (to_end)
        return memcmp(octet.at + octet.len - piece.len, piece.at, piece.len) == 0;
    return text_contains_lowered(octet, piece);
}

static void mark_octets(struct address_search *search, struct text piece, bool from_start, bool to_end) {
    for (unsigned value = 0; value < 256; value++) {
        char digits[OCTET_DIGITS] = {(char)('0' + value / 100), (char)('0' + value / 10 % 10),
                                     (char)('0' + value % 10)};
        size_t skip = value < 10 ? 2 : value < 100 ? 1 : 0;
        struct text octet = {digits + skip, OCTET_DIGITS - skip};
        if (piece_fits_text(piece, octet, from_start, to_end))
            search->octets[value] |= (uint8_t)(1 << search->octet_pieces);
    }
    search->octet_pieces++;
}

static void cut_into_octets(struct address_search *search) {
    struct text rest = search->needle;
    if (!only_of(rest, "0123456789."))
        return;
    for (bool last = false; !last;) {
        struct text piece = take_piece(&rest, ".", &last);
        if (piece.len > OCTET_DIGITS || search->octet_pieces == OCTETS) {
            search->octet_pieces = 0;
            return;
        }
        mark_octets(search, piece, search->octet_pieces > 0, !last);
    }
}

static bool cut_into_hextets(struct hextet_run *run, struct text rest, bool from_start, bool to_end) {
    for (bool last = false; !last; run->count++) {
        struct text piece = take_piece(&rest, ":", &last);
        if (piece.len > HEXTET_DIGITS || run->count == HEXTETS)
            return false;
        unsigned value = 0;
        for (size_t i = 0; i < piece.len; i++)
            value = value << 4 | (unsigned)(piece.at[i] <= '9' ? piece.at[i] - '0' : piece.at[i] - 'a' + 10);
        run->pieces[run->count] = (struct hextet_piece){(uint16_t)value, (uint8_t)piece.len,
                                                        run->count > 0 || from_start, !last || to_end};
    }
    return true;
}

static void cut_into_runs(struct address_search *search) {
    struct text rest = search->needle;
    if (!only_of(rest, "0123456789abcdef:"))
        return;
    for (bool last = false; !last; search->run_count++) {
        struct text run = take_piece(&rest, "::", &last);
        if (search->run_count == HEXTET_RUNS ||
            !cut_into_hextets(&search->runs[search->run_count], run, search->run_count > 0, !last)) {
            search->run_count = 0;
            return;
        }
    }
}

void address_search_init(struct address_search *search, struct text needle) {
    *search = (struct address_search){.needle = needle};
    search->possible = needle.len <= ADDRESS_TEXT_MAX && only_of(needle, "0123456789abcdef:.");
    if (!search->possible)
        return;
    cut_into_octets(search);
    cut_into_runs(search);
}

static bool matches_ipv4(const struct address_search *search, const uint8_t *octets) {
    unsigned fits[OCTETS], any = 0, all = (1u << search->octet_pieces) - 1;
    for (unsigned i = 0; i < OCTETS; i++)
        any |= fits[i] = search->octets[octets[i]];
    if (any != all)
        return false;
    for (unsigned first = 0; first + search->octet_pieces <= OCTETS; first++) {
        unsigned fitting = 1;
        for (unsigned i = 0; i < search->octet_pieces; i++)
            fitting &= fits[first + i] >> i;
        if (fitting)
            return true;
    }
    return false;
}

/* Takes leading zeros for digits: may say yes too often, never no. */
static bool piece_may_fit(struct hextet_piece piece, unsigned hextet) {
    unsigned mask = piece.from_start ? 0xffff : (1u << 4 * piece.digits) - 1;
    unsigned shifts = piece.to_end ? 0 : HEXTET_DIGITS - piece.digits;
    for (unsigned shift = 0; shift <= shifts; shift++)
        if ((hextet >> 4 * shift & mask) == piece.value)
            return true;
    return piece.digits == 0;
}

static bool run_may_fit(const struct hextet_run *run, const struct address *address) {
    for (unsigned first = 0; first + run->count <= HEXTETS; first++) {
        unsigned i = 0;
        const uint8_t *at = address->bytes + (size_t)2 * first;
        for (; i < run->count && piece_may_fit(run->pieces[i], (unsigned)at[2 * i] << 8 | at[2 * i + 1]); i++)
            continue;
        if (i == run->count)
            return true;
    }
    return false;
}

/* RFC 5952 section 5: low addresses are spelt with a dotted tail, which pieces do not describe. */
static bool is_dotted_ipv6(const struct address *address) {
    static const uint8_t zeros[12];
    return memcmp(address->bytes, zeros, sizeof(zeros)) == 0;
}

bool address_search_matches(const struct address_search *search, const struct address *address) {
    if (address_is_ipv4(address))
        return search->octet_pieces > 0 && matches_ipv4(search, address->bytes + 12);
    if (!is_dotted_ipv6(address)) {
        if (search->run_count == 0)
            return false;
        for (unsigned i = 0; i < search->run_count; i++)
            if (!run_may_fit(&search->runs[i], address))
                return false;
    }
    char text[ADDRESS_TEXT_MAX];
    return text_contains_lowered((struct text){text, address_write(address, text)}, search->needle);
}

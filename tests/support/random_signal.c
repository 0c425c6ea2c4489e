#include <stdio.h>

#include "shared/base/utf8.h"
#include "tests/support/random_world.h"

enum { PIECE_POINTS_MAX = 12, ID_MAX = SIGNAL_CUSTOMER_ID_MAX, LONG_USER_AGENT_POINTS = 256 };

/* None longer than PIECE_POINTS_MAX code points. */
static const char *const pieces[] = {
    "a",         "Acme",      " ",         "\"",        "\\",       "\\u0000",      "\n",
    "\r\n",      "\x01",      "\x1b[31m",  "\x7f",      "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\xa5",
    "%s%n%d",    "{\"a\":1}", "</script>", "' or 1=1",  "; ",       "\xe2\x80\xae", "\xef\xbb\xbf",
    "../../etc", "${jndi:x}", "0",         "-1",        "null",     "[]",           "\xf4\x8f\xbf\xbf",
    "\t",        "/",         "://",       "=cmd|'/C'", "&#x22;",   "%00",          "\xc2\x80",
};

struct text random_text(struct dice *dice, struct arena *arena, unsigned most) {
    char *out = arena_take(arena, 4 * (size_t)most + 1);
    size_t len = 0;
    unsigned points = 1 + (unsigned)dice_roll(dice, dice_one_in(dice, 16) ? most : most / 12 + 1), put = 0;
    while (put < points) {
        const char *piece = DICE_PICK(dice, pieces);
        struct text fits = text_of(piece);
        while (put + utf8_count(fits) > points)
            fits = utf8_cut(fits, fits.len - 1);
        memcpy(out + len, fits.at, fits.len);
        len += fits.len;
        put += (unsigned)utf8_count(fits);
    }
    return (struct text){out, len};
}

static struct text random_user_agent(struct dice *dice, struct arena *arena) {
    static const char *const known[] = {
        "curl/8.5.0",
        "python-requests/2.31.0",
        "sqlmap/1.8#stable (https://sqlmap.org)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 HeadlessChrome/119.0",
        "Feedly/1.0",
        "-",
    };
    if (dice_one_in(dice, 5))
        return TEXT_NONE;
    if (dice_one_in(dice, 3))
        return random_text(dice, arena, LONG_USER_AGENT_POINTS);
    return text_of(DICE_PICK(dice, known));
}

static struct address random_address(struct dice *dice) {
    static const char *const special[] = {
        "0.0.0.0",     "10.1.2.3",    "100.64.0.1",       "127.0.0.1",
        "169.254.1.1", "172.16.0.1",  "192.0.0.1",        "192.0.2.7",
        "192.88.99.1", "192.168.1.1", "198.18.0.1",       "198.51.100.7",
        "203.0.113.9", "224.0.0.1",   "240.0.0.1",        "255.255.255.255",
        "::",          "::1",         "64:ff9b:1::1",     "100::1",
        "2001::1",     "2001:2::1",   "2001:db8::1",      "2002::1",
        "3fff::1",     "fc00::1",     "fe80::1",          "ff02::1",
        "8.8.8.8",     "66.249.66.1", "64:ff9b::a01:203", "2606:4700::1111",
    };
    struct address address = {{[10] = 0xff, [11] = 0xff}};
    if (dice_one_in(dice, 4)) {
        address_parse(text_of(DICE_PICK(dice, special)), &address);
        return address;
    }
    for (int i = dice_one_in(dice, 3) ? 0 : 12; i < 16; i++)
        address.bytes[i] = (uint8_t)dice_roll(dice, 256);
    return address;
}

static struct text random_id(struct dice *dice, struct arena *arena) {
    static const char letters[] = "ABCXYZabcxyz0189._-";
    size_t len = 1 + dice_roll(dice, ID_MAX);
    char *id = arena_take(arena, ID_MAX);
    for (size_t i = 0; i < len; i++)
        id[i] = letters[dice_roll(dice, sizeof(letters) - 1)];
    return (struct text){id, len};
}

static int64_t random_count(struct dice *dice, int64_t least, int64_t most) {
    const int64_t odd[] = {least, least + 1, 7, 100, most - 1, most};
    return dice_one_in(dice, 3)
               ? DICE_PICK(dice, odd)
               : least + (int64_t)dice_roll(dice, dice_one_in(dice, 2) ? 5000 : (uint64_t)most);
}

void random_signal(struct dice *dice, struct arena *arena, struct signal *signal) {
    static const int64_t detected_ms[] = {0, INT64_C(253402300799999), RANDOM_WORLD_NOW_MS};
    *signal = (struct signal){
        .threat_type = (enum threat_type)dice_roll(dice, THREAT_TYPE_COUNT),
        .customer_id = random_id(dice, arena),
        .customer_name = random_text(dice, arena, SIGNAL_CUSTOMER_NAME_MAX),
        .source_ip = random_address(dice),
        .user_agent = random_user_agent(dice, arena),
        .request_count = random_count(dice, 0, SIGNAL_REQUEST_COUNT_MAX),
        .time_window_minutes = random_count(dice, 1, SIGNAL_WINDOW_MINUTES_MAX),
        .detected_at_ms = dice_one_in(dice, 10) ? DICE_PICK(dice, detected_ms)
                                                : RANDOM_WORLD_NOW_MS - (int64_t)dice_roll(dice, 100000000),
        .raw_data = random_raw_data(dice, arena),
    };
    if (signal->time_window_minutes > SIGNAL_WINDOW_MINUTES_MAX)
        signal->time_window_minutes = SIGNAL_WINDOW_MINUTES_MAX;
}

#include "tests/support/random_world.h"

enum { UNKNOWN_DEPTH_MAX = 6, LIST_MAX = 90, TEXT_POINTS_MAX = 60, JSON_ROOM = 64 };

/* Written by the dice into one buffer that the arena gets as a whole. */
struct raw_writer {
    struct dice *dice;
    struct arena *arena;
    struct writer json;
};

static const char *const paths[] = {
    "/",
    "/login",
    "/wp-login.php",
    "/.env",
    "/a.css",
    "/b.js",
    "/c.png",
    "/cgi-bin/x",
    "/search",
    "/x?q=' or 1=1",
    "/sms/send",
    "/account",
    "/transfer/1",
    "\\/wp-admin",
    "/robots.txt",
    "/feed",
    "/%2e%2e/",
    "/vendor/phpunit",
    "",
    "x\x16\x03\x01",
    "/${jndi:ldap}",
};

static const char *const usernames[] = {"root", "admin", "alice", "test", "oracle", "", "bob@example.com"};

static void put_number(struct raw_writer *raw) {
    static const char *const odd[] = {"0",
                                      "-1",
                                      "1",
                                      "1e9",
                                      "1e400",
                                      "-0",
                                      "0.5",
                                      "3.0",
                                      "99999999999999999999999999",
                                      "1000000000000",
                                      "12.75e2"};
    if (dice_one_in(raw->dice, 3))
        writer_raw(&raw->json, text_of(DICE_PICK(raw->dice, odd)));
    else
        writer_signed(&raw->json, (int64_t)dice_roll(raw->dice, 200));
}

static void put_texts(struct raw_writer *raw, const char *const *texts, size_t count) {
    unsigned many = (unsigned)dice_roll(raw->dice, dice_one_in(raw->dice, 60) ? LIST_MAX : 5);
    writer_open_array(&raw->json);
    for (unsigned i = 0; i < many; i++)
        writer_text(&raw->json, dice_one_in(raw->dice, 6)
                                    ? random_text(raw->dice, raw->arena, TEXT_POINTS_MAX)
                                    : text_of(texts[dice_roll(raw->dice, count)]));
    writer_close_array(&raw->json);
}

static void put_anything(struct raw_writer *raw, int depth) {
    char name[16];
    struct writer *json = &raw->json;
    unsigned many = (unsigned)dice_roll(raw->dice, 3);
    switch (dice_roll(raw->dice, depth > 0 ? 7 : 5)) {
    case 0: writer_null(json); break;
    case 1: writer_bool(json, dice_one_in(raw->dice, 2)); break;
    case 2: put_number(raw); break;
    case 3: writer_text(json, random_text(raw->dice, raw->arena, TEXT_POINTS_MAX)); break;
    case 4: put_texts(raw, paths, sizeof(paths) / sizeof(paths[0])); break;
    case 5:
        writer_open_array(json);
        for (unsigned i = 0; i < many; i++)
            put_anything(raw, depth - 1);
        writer_close_array(json);
        break;
    default:
        writer_open_object(json);
        for (unsigned i = 0; i < many; i++) {
            name[0] = (char)('a' + i);
            name[1] = '\0';
            writer_key(json, name);
            put_anything(raw, depth - 1);
        }
        writer_close_object(json);
    }
}

static void put_known(struct raw_writer *raw, const char *name) {
    static const char *const services[] = {"http", "https", "ssh", "sshd", "ftp", ""};
    writer_key(&raw->json, name);
    if (dice_one_in(raw->dice, 8))
        put_anything(raw, UNKNOWN_DEPTH_MAX);
    else if (strcmp(name, "service") == 0)
        writer_string(&raw->json, DICE_PICK(raw->dice, services));
    else if (strcmp(name, "sample_paths") == 0)
        put_texts(raw, paths, sizeof(paths) / sizeof(paths[0]));
    else if (strcmp(name, "usernames") == 0)
        put_texts(raw, usernames, sizeof(usernames) / sizeof(usernames[0]));
    else if (strcmp(name, "path") == 0 || strcmp(name, "payload") == 0)
        writer_string(&raw->json, DICE_PICK(raw->dice, paths));
    else
        put_number(raw);
}

struct text random_raw_data(struct dice *dice, struct arena *arena) {
    static const char *const known[] = {
        "service",   "distinct_paths", "errors", "sample_paths", "usernames",        "distinct_usernames",
        "successes", "failed_logins",  "path",   "payload",      "distinct_accounts"};
    struct buffer out = BUFFER_EMPTY;
    struct raw_writer raw = {dice, arena, {&out, false}};
    if (dice_one_in(dice, 4))
        return TEXT_NONE;
    buffer_reserve(&out, JSON_ROOM);
    writer_open_object(&raw.json);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (dice_one_in(dice, 3))
            put_known(&raw, known[i]);
    if (dice_one_in(dice, 6)) {
        writer_key(&raw.json, "other");
        put_anything(&raw, UNKNOWN_DEPTH_MAX);
    }
    writer_close_object(&raw.json);
    struct text json = out.len <= SIGNAL_RAW_DATA_MAX ? arena_copy(arena, buffer_text(&out)) : TEXT_NONE;
    buffer_fini(&out);
    return json;
}

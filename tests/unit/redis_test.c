#include <criterion/criterion.h>
#include <stdio.h>

#include "shared/redis/command.h"
#include "shared/redis/keys.h"
#include "shared/redis/reply.h"
#include "shared/redis/script.h"
#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- command --- */

TestSuite(command, .timeout = 10);

static void expect_bytes(struct command *command, const char *bytes) {
    struct text text = command_finish(command);
    cr_assert(text_is(text, bytes), "%.*s", (int)text.len, text.at);
}

Test(command, is_resp_byte_by_byte) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "PING");
    expect_bytes(&command, "*1\r\n$4\r\nPING\r\n");
    command_begin(&command, "SET");
    command_text(&command, TEXT_LITERAL("k"));
    command_text(&command, TEXT_NONE);
    command_signed(&command, -17);
    command_signed(&command, INT64_MIN);
    command_words(&command, "PX", "10", NULL);
    expect_bytes(&command, "*7\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n$3\r\n-17\r\n$20\r\n-"
                           "9223372036854775808\r\n$2\r\nPX\r\n$2\r\n10\r\n");
    command_fini(&command);
    command_fini(&command);
}

Test(command, arguments_may_hold_any_bytes) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "X");
    command_text(&command, TEXT_LITERAL("a\r\n\0$1"));
    struct text text = command_finish(&command);
    cr_assert(text_equal(text, TEXT_LITERAL("*2\r\n$1\r\nX\r\n$6\r\na\r\n\0$1\r\n")));
    command_fini(&command);
}

Test(command, more_may_follow_a_finished_one) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "DEL");
    command_string(&command, "a");
    expect_bytes(&command, "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n");
    expect_bytes(&command, "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n");
    for (int i = 0; i < 98; i++)
        command_string(&command, "b");
    struct text text = command_finish(&command);
    cr_assert_eq(memcmp(text.at, "*100\r\n$3\r\nDEL\r\n", 15), 0);
    cr_assert_eq(text.len, strlen("*100\r\n$3\r\nDEL\r\n$1\r\na\r\n") + 98 * 7);
    command_begin(&command, "PING");
    expect_bytes(&command, "*1\r\n$4\r\nPING\r\n");
    command_fini(&command);
}

Test(command, parts_are_joined_in_order) {
    struct command keys = COMMAND_EMPTY, arguments = COMMAND_EMPTY, none = COMMAND_EMPTY,
                   whole = COMMAND_EMPTY;
    struct script script;
    char expected[256];
    command_begin_part(&keys);
    command_begin_part(&arguments);
    command_begin_part(&none);
    command_string(&arguments, "arg");
    command_string(&keys, "key1");
    command_string(&keys, "key2");
    script_init(&script, "return 1");
    command_begin_script(&whole, &script, (int)keys.count);
    command_join(&whole, &keys);
    command_join(&whole, &none);
    command_join(&whole, &arguments);
    snprintf(expected, sizeof(expected),
             "*6\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n2\r\n$4\r\nkey1\r\n$4\r\nkey2\r\n$3\r\narg\r\n",
             script.sha1);
    expect_bytes(&whole, expected);
    command_begin_part(&keys);
    cr_assert_eq(keys.count, 0, "a part that is begun again is empty");
    command_fini(&keys);
    command_fini(&arguments);
    command_fini(&none);
    command_fini(&whole);
}

/* hiredis' own parser reads what we write. */
Test(command, any_arguments_come_back) {
    struct command command = COMMAND_EMPTY;
    redisReader *reader = redisReaderCreate();
    for (int round = 0; round < 2000; round++) {
        static char bytes[40][300];
        size_t lens[40], count = random_below(40);
        void *reply = NULL;
        command_begin(&command, "VERB");
        for (size_t i = 0; i < count; i++) {
            lens[i] = random_below(random_below(4) ? 12 : sizeof(bytes[i]));
            for (size_t k = 0; k < lens[i]; k++)
                bytes[i][k] = (char)random_below(256);
            command_text(&command, (struct text){bytes[i], lens[i]});
        }
        struct text text = command_finish(&command);
        cr_assert_eq(redisReaderFeed(reader, text.at, text.len), REDIS_OK);
        cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
        cr_assert(reply_is_array(reply, count + 1) && ((redisReply *)reply)->elements == count + 1);
        for (size_t i = 0; i < count; i++)
            cr_assert(text_equal(reply_text(((redisReply *)reply)->element[i + 1]),
                                 (struct text){bytes[i], lens[i]}));
        freeReplyObject(reply);
        cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
        cr_assert_null(reply, "nothing may be left over");
    }
    redisReaderFree(reader);
    command_fini(&command);
}

Test(command, script_digests_are_sha1) {
    static const struct {
        const char *text, *sha1;
    } rows[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, /* FIPS 180-4 examples */
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct script script;
        script_init(&script, rows[i].text);
        cr_assert_str_eq(script.sha1, rows[i].sha1);
        cr_assert_eq(script.text, rows[i].text);
    }
}

/* --- reply --- */

TestSuite(reply, .timeout = 10);

static redisReply *parse_reply(const char *resp) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(reader, resp, strlen(resp));
    cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    cr_assert_not_null(reply, "%s", resp);
    redisReaderFree(reader);
    return reply;
}

Test(reply, every_error_has_its_status) {
    static const struct {
        const char *resp;
        enum status status;
        bool condemns, lasts;
    } rows[] = {
        {"+OK\r\n", STATUS_OK, false},
        {":0\r\n", STATUS_OK, false},
        {"$-1\r\n", STATUS_OK, false},
        {"*0\r\n", STATUS_OK, false},
        {"$11\r\nOOM command\r\n", STATUS_OK, false},
        {"+READONLY\r\n", STATUS_OK, false},
        {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", STATUS_NO_MEMORY, false},
        {"-NOSCRIPT No matching script. Please use EVAL.\r\n", STATUS_NO_SCRIPT, false},
        {"-NOGROUP No such key 'threats:stream' or consumer group 'soc-workers'\r\n", STATUS_NO_GROUP, false},
        {"-UNBLOCKED the stream key no longer exists\r\n", STATUS_NO_GROUP, false},
        {"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", STATUS_WRONG_TYPE, false},
        {"-READONLY You can't write against a read only replica.\r\n", STATUS_UNAVAILABLE, true},
        {"-LOADING Redis is loading the dataset in memory\r\n", STATUS_UNAVAILABLE, true},
        {"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
         STATUS_UNAVAILABLE, true},
        {"-MOVED 3999 127.0.0.1:6381\r\n", STATUS_UNAVAILABLE, true},
        {"-ASK 3999 127.0.0.1:6381\r\n", STATUS_UNAVAILABLE, true},
        {"-CLUSTERDOWN The cluster is down\r\n", STATUS_UNAVAILABLE, true},
        {"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", STATUS_UNAVAILABLE, false},
        {"-BUSY Redis is busy running a script.\r\n", STATUS_UNAVAILABLE, false},
        {"-NOREPLICAS Not enough good replicas to write.\r\n", STATUS_UNAVAILABLE, false},
        {"-MISCONF Redis is configured to save RDB snapshots\r\n", STATUS_UNAVAILABLE, false},
        {"-READONLY\r\n", STATUS_UNAVAILABLE, true},
        {"-ERR unknown command 'FOO'\r\n", STATUS_INTERNAL, false},
        {"-NOAUTH Authentication required.\r\n", STATUS_UNAVAILABLE, true, true},
        {"-WRONGPASS invalid username-password pair or user is disabled.\r\n", STATUS_UNAVAILABLE, true,
         true},
        {"-NOPERM this user has no permissions to run the 'xadd' command\r\n", STATUS_UNAVAILABLE, true,
         true},
        {"-BUSYGROUP Consumer Group name already exists\r\n", STATUS_CONFLICT, false},
        {"-BUSYKEY Target key name already exists.\r\n", STATUS_INTERNAL, false},
        {"-OOMPH no such word\r\n", STATUS_INTERNAL, false},
        {"-oom lower case\r\n", STATUS_INTERNAL, false},
        {"- OOM\r\n", STATUS_INTERNAL, false},
        {"-\r\n", STATUS_INTERNAL, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        redisReply *reply = parse_reply(rows[i].resp);
        cr_assert_eq(reply_status(reply), rows[i].status, "%s is %s", rows[i].resp,
                     status_name(reply_status(reply)));
        cr_assert_eq(reply_condemns_link(reply), rows[i].condemns, "%s", rows[i].resp);
        cr_assert_eq(reply_is_lasting(reply), rows[i].lasts, "%s", rows[i].resp);
        freeReplyObject(reply);
    }
    cr_assert_eq(reply_status(NULL), STATUS_UNAVAILABLE);
    cr_assert_not(reply_condemns_link(NULL));
    cr_assert_not(reply_is_lasting(NULL));
}

Test(reply, values_are_read_by_their_type) {
    redisReply *reply = parse_reply("*6\r\n$3\r\nabc\r\n:42\r\n$-1\r\n+OK\r\n-ERR x\r\n*1\r\n:7\r\n");
    redisReply **element = reply->element;
    cr_assert(text_is(reply_text(element[0]), "abc"));
    cr_assert_null(reply_text(element[1]).at);
    cr_assert_null(reply_text(element[2]).at);
    cr_assert(text_is(reply_text(element[3]), "OK"));
    cr_assert(text_is(reply_text(element[4]), "ERR x"));
    cr_assert_null(reply_text(element[5]).at);
    cr_assert_null(reply_text(NULL).at);
    cr_assert_eq(reply_integer(element[1], -1), 42);
    for (int i = 0; i < 6; i++)
        cr_assert(i == 1 || reply_integer(element[i], -1) == -1);
    cr_assert_eq(reply_integer(NULL, 9), 9);
    cr_assert(reply_is_array(reply, 6));
    cr_assert_not(reply_is_array(reply, 7));
    cr_assert(reply_is_array(element[5], 1));
    cr_assert_not(reply_is_array(element[0], 0));
    cr_assert_not(reply_is_array(NULL, 0));
    freeReplyObject(reply);
}

Test(reply, fields_are_found_by_name_not_by_value) {
    redisReply *reply =
        parse_reply("*7\r\n$4\r\nname\r\n$3\r\nlag\r\n$3\r\nlag\r\n:5\r\n$4\r\nnone\r\n$-1\r\n$3\r\nodd\r\n");
    cr_assert_eq(reply_integer(reply_field(reply, "lag"), -1), 5);
    cr_assert(text_is(reply_text(reply_field(reply, "name")), "lag"));
    cr_assert_eq(reply_field(reply, "none")->type, REDIS_REPLY_NIL);
    cr_assert_null(reply_field(reply, "odd"), "a name without a value has none");
    cr_assert_null(reply_field(reply, "missing"));
    cr_assert_null(reply_field(NULL, "lag"));
    cr_assert_null(reply_field(reply->element[0], "lag"));
    freeReplyObject(reply);
}

/* --- keys --- */

TestSuite(keys, .timeout = 10);

static void expect_key(struct buffer *out, const char *prefix, const char *key) {
    char expected[512];
    snprintf(expected, sizeof(expected), "%s%s", prefix, key);
    cr_assert(text_is(buffer_text(out), expected), "%.*s, expected %s", (int)out->len, out->at, expected);
    buffer_clear(out);
}

static void expect_all_keys(const char *prefix) {
    static const char *const fixed[FIXED_KEY_COUNT] = {
        [KEY_STREAM] = "threats:stream",     [KEY_LOG] = "threats:log",
        [KEY_EVENTS] = "threats:events",     [KEY_DEAD] = "threats:dead",
        [KEY_WORKERS] = "threats:workers",   [KEY_BY_CREATED] = "threats:by_created",
        [KEY_LEASE] = "threats:lease",       [KEY_CONTEXT_LOG] = "context:log",
        [KEY_INFRA_EVENTS] = "infra:events", [KEY_INTEL_LISTS] = "intel:lists",
        [KEY_INCIDENTS] = "incidents",       [KEY_COMPLETED] = "threats:completed",
        [KEY_FAILED] = "threats:failed",     [KEY_QUARANTINE] = "threats:quarantine",
        [KEY_REAPING] = "threats:reaping",   [KEY_UPKEEP] = "threats:upkeep",
        [KEY_SWEEP] = "threats:sweep",       [KEY_CUSTOMERS] = "customers",
    };
    struct keyspace keyspace;
    struct buffer out = BUFFER_EMPTY;
    struct uuid id;
    struct address address;
    cr_assert(keyspace_init(&keyspace, prefix));
    for (int i = 0; i < FIXED_KEY_COUNT; i++) {
        buffer_append_string(&out, keyspace_fixed(&keyspace, (enum fixed_key)i));
        expect_key(&out, prefix, fixed[i]);
    }
    uuid_parse(TEXT_LITERAL("019384A1-7C3E-7ABC-8DEF-0123456789AB"), &id);
    keyspace_threat(&keyspace, &id, &out);
    expect_key(&out, prefix, "threat:019384a1-7c3e-7abc-8def-0123456789ab");
    keyspace_customer(&keyspace, TEXT_LITERAL("acme"), &out);
    expect_key(&out, prefix, "customer:acme");
    keyspace_intel_list(&keyspace, TEXT_LITERAL("tor exits"), &out);
    expect_key(&out, prefix, "intel:list:tor exits");
    keyspace_idempotency(&keyspace, TEXT_LITERAL("k:1"), &out);
    expect_key(&out, prefix, "threats:idempotency:k:1");
    keyspace_history_customer(&keyspace, TEXT_LITERAL("acme"), THREAT_GEO_ANOMALY, &out);
    expect_key(&out, prefix, "history:customer:acme:geo_anomaly");
    address_parse(TEXT_LITERAL("2001:DB8::1"), &address);
    keyspace_history_address(&keyspace, &address, &out);
    expect_key(&out, prefix, "history:address:2001:db8::1");
    address_parse(TEXT_LITERAL("::ffff:203.0.113.7"), &address);
    keyspace_history_address(&keyspace, &address, &out);
    expect_key(&out, prefix, "history:address:203.0.113.7");
    keyspace_history_agent(&keyspace, 0x1f, &out);
    expect_key(&out, prefix, "history:agent:000000000000001f");
    keyspace_history_agent(&keyspace, UINT64_MAX, &out);
    expect_key(&out, prefix, "history:agent:ffffffffffffffff");
    buffer_fini(&out);
}

Test(keys, are_spelt_as_the_contract_has_them) {
    expect_all_keys("");
    expect_all_keys("{acme}:");
    expect_all_keys("a:b:");
}

Test(keys, append_to_what_is_there) {
    struct keyspace keyspace;
    struct buffer out = BUFFER_EMPTY;
    cr_assert(keyspace_init(&keyspace, "p:"));
    keyspace_customer(&keyspace, TEXT_LITERAL("a"), &out);
    keyspace_customer(&keyspace, TEXT_LITERAL("b"), &out);
    expect_key(&out, "", "p:customer:ap:customer:b");
    buffer_fini(&out);
}

Test(keys, a_prefix_has_a_longest_length) {
    char prefix[KEY_PREFIX_MAX + 2];
    struct keyspace keyspace = {.prefix = "untouched"};
    memset(prefix, 'x', sizeof(prefix) - 1);
    prefix[KEY_PREFIX_MAX + 1] = '\0';
    cr_assert_not(keyspace_init(&keyspace, prefix));
    cr_assert_str_eq(keyspace.prefix, "untouched");
    prefix[KEY_PREFIX_MAX] = '\0';
    expect_all_keys(prefix);
}

Test(keys, the_pattern_of_customers_takes_the_prefix_literally) {
    static const struct {
        const char *prefix, *pattern;
    } rows[] = {
        {"", "customer:*"},
        {"{acme}:", "{acme}:customer:*"},
        {"a*b?c[d]e\\f^g-h:", "a\\*b\\?c\\[d\\]e\\\\f^g-h:customer:*"},
        {"****", "\\*\\*\\*\\*customer:*"},
    };
    struct buffer out = BUFFER_EMPTY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct keyspace keyspace;
        cr_assert(keyspace_init(&keyspace, rows[i].prefix));
        keyspace_customer_pattern(&keyspace, &out);
        expect_key(&out, "", rows[i].pattern);
    }
    buffer_fini(&out);
}

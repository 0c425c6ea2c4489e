/* Waits between tries, and what is said about errors that last. */
#include <stdlib.h>
#include <string.h>

#include "shared/redis/backoff.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "tests/support/catch_stdout.h"

TestSuite(backoff, .timeout = 30);

Test(backoff, stays_within_its_bounds) {
    for (int64_t last = 0; last <= BACKOFF_MAX_MS; last += 7)
        for (int i = 0; i < 100; i++) {
            int64_t wait = backoff_next(last), most = 3 * (last < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : last);
            cr_assert_geq(wait, BACKOFF_FIRST_MS);
            cr_assert_leq(wait, most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS);
        }
}

/* Of a process with three connections that are refused for ever: well below 5 tries a second. */
Test(backoff, soon_waits_for_a_second_and_more) {
    int64_t sum = 0, wait = 0;
    for (int i = 0; i < 8; i++)
        wait = backoff_next(wait);
    cr_assert_gt(wait, 200, "it has grown");
    for (int i = 0; i < 10000; i++)
        sum += wait = backoff_next(wait);
    cr_assert_gt(sum / 10000, 1000);
    cr_assert_lt(sum / 10000, BACKOFF_MAX_MS);
}

Test(backoff, two_who_failed_together_part) {
    unsigned same = 0;
    for (int i = 0; i < 1000; i++)
        same += backoff_next(1000) == backoff_next(1000);
    cr_assert_lt(same, 20);
}

/* --- tell_reply --- */

static int lines_fd;

static void begin(void) {
    lines_fd = catch_stdout();
    cr_assert(log_init("soc-test", "info"));
}

static const char *lines(unsigned *count) {
    static char bytes[65536];
    close(STDOUT_FILENO);
    ssize_t len = read(lines_fd, bytes, sizeof(bytes) - 1);
    bytes[len < 0 ? 0 : len] = '\0';
    *count = 0;
    for (const char *at = bytes; (at = strchr(at, '\n')) != NULL; at++)
        (*count)++;
    return bytes;
}

static void tell(const char *command, const char *line) {
    redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)line, .len = strlen(line)};
    tell_reply(command, &reply);
}

TestSuite(tell_reply, .timeout = 30, .init = begin);

Test(tell_reply, a_lasting_error_is_told_once_a_second) {
    unsigned count;
    for (int i = 0; i < 1000; i++)
        tell("XADD", "MISCONF disk is full");
    cr_assert_not_null(strstr(lines(&count), "disk is full"));
    cr_assert_eq(count, 1);
}

Test(tell_reply, other_commands_and_other_errors_are_told_too) {
    unsigned count;
    tell("XADD", "MISCONF disk is full");
    tell("XREAD", "MISCONF disk is full");
    tell("XADD", "OOM command not allowed");
    tell("XADD", "MISCONF disk is full");
    lines(&count);
    cr_assert_eq(count, 3);
}

Test(tell_reply, a_wrong_type_is_called_by_its_name) {
    unsigned count;
    tell("XADD", "WRONGTYPE Operation against a key holding the wrong kind of value");
    cr_assert_not_null(strstr(lines(&count), "holds another type"));
}

Test(tell_reply, more_commands_than_it_remembers_are_all_told) {
    char names[40][16];
    unsigned count;
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "COMMAND %d", i);
        tell(names[i], "ERR no");
    }
    lines(&count);
    cr_assert_eq(count, 40);
}

/* What the crawlers' table says of user agents, one a line on standard input: the place of the claim in the
 * table and its pattern, name, ranges and kind, tabs between, or an empty line. Its test is
 * tests/integration/test_crawlers.py. With --time: how many nanoseconds a look-up takes, on the average of
 * all lines and for the slowest line.
 *
 *     crawler_claims [--time] */
#include "shared/context/crawler_table.h"
#include "tests/bench/bench_util.h"

enum { LINES_MAX = 65536, ROUNDS = 400, TRIES = 9 };

static void tell(const struct crawler_claim *claim) {
    if (claim != NULL)
        printf("%td\t%s\t%s\t%s\t%s", claim - crawler_claims, claim->pattern, claim->name,
               claim->ranges == NULL ? "-" : claim->ranges,
               vocabulary_word(&vocabulary_crawler_kind, (int)claim->kind));
    putchar('\n');
}

/* The best of some tries, for a machine that others use too. */
static double time_of(struct text line, size_t *found) {
    double best = 0;
    for (unsigned try = 0; try < TRIES; try++) {
        int64_t begin_ns = clock_monotonic_ns();
        for (unsigned round = 0; round < ROUNDS; round++)
            *found += crawler_find_claim(line) != NULL;
        double took = (double)(clock_monotonic_ns() - begin_ns) / ROUNDS;
        if (try == 0 || took < best)
            best = took;
    }
    return best;
}

static double time_of_turns(const struct text *lines, size_t count, size_t *found) {
    double best = 0;
    for (unsigned try = 0; try < TRIES; try++) {
        int64_t begin_ns = clock_monotonic_ns();
        for (size_t i = 0; i < count; i++)
            *found += crawler_find_claim(lines[i]) != NULL;
        double took = (double)(clock_monotonic_ns() - begin_ns) / (double)count;
        if (try == 0 || took < best)
            best = took;
    }
    return best;
}

static void tell_times(const struct text *lines, size_t count) {
    size_t found = 0, bytes = 0, slowest = 0;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double took = time_of(lines[i], &found);
        bytes += lines[i].len;
        if (took > most) {
            most = took;
            slowest = i;
        }
    }
    printf("%zu user agents of %.0f bytes: %.0f ns a look-up, at most %.0f ns (line %zu, %zu bytes); %zu "
           "found\n",
           count, (double)bytes / (double)count, time_of_turns(lines, count, &found), most, slowest + 1,
           lines[slowest].len, found);
}

int main(int argc, char **argv) {
    static struct text lines[LINES_MAX];
    size_t count = 0, room = 0;
    char *line = NULL;
    bool timed = argc > 1 && strcmp(argv[1], "--time") == 0;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) {
        struct text user_agent = {line, (size_t)len - (line[len - 1] == '\n')};
        if (!timed)
            tell(crawler_find_claim(user_agent));
        else if (count < LINES_MAX)
            lines[count++] =
                (struct text){memcpy(malloc(user_agent.len + 1), line, user_agent.len), user_agent.len};
    }
    if (timed && count > 0)
        tell_times(lines, count);
    while (count > 0)
        free((char *)lines[--count].at);
    free(line);
    return 0;
}

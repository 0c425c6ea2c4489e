/* Whatever comes: sums exact, bounds kept, bodies valid against the schema, no crash. World n of a seed is
 * the same everywhere, so what fails is found again by SOC_PROPERTY_SEED and SOC_PROPERTY_ONLY. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/explain/explain_analysis.h"
#include "tests/support/analysis_checks.h"
#include "tests/support/random_world.h"
#include "tests/support/schema.h"

#if defined(__SANITIZE_ADDRESS__) || defined(SOC_COVERAGE)
enum { WORLDS = 20000 };
#elif defined(__clang__)
enum { WORLDS = 100000 };
#else
enum { WORLDS = 1000000 };
#endif

enum { PROCESSES = 2, REPEAT_ONE_IN = 64, FAULTS_SHOWN = 5 };

TestSuite(property, .timeout = 300);

struct bench {
    uint64_t seed;
    struct schema_set schemas;
    const struct schema *schema;
    struct random_world world;
    struct buffer body, other;
    struct json_nodes nodes;
    struct arena arena;
    char wrong[512];
};

static uint64_t setting(const char *name, uint64_t usual) {
    const char *value = getenv(name);
    return value == NULL ? usual : strtoull(value, NULL, 10);
}

static struct bench *bench_open(void) {
    struct bench *bench = calloc(1, sizeof(*bench));
    if (bench == NULL)
        abort();
    bench->seed = setting("SOC_PROPERTY_SEED", 20261126);
    schema_set_open(&bench->schemas, TESTS_DIR "/../schemas");
    bench->schema = schema_find(&bench->schemas, "analysis.json");
    return bench;
}

static void bench_close(struct bench *bench) {
    schema_set_close(&bench->schemas);
    random_world_fini(&bench->world);
    buffer_fini(&bench->body);
    buffer_fini(&bench->other);
    json_nodes_fini(&bench->nodes);
    arena_fini(&bench->arena);
    free(bench);
}

static bool is_fine(struct bench *bench, const char *wrong) {
    if (wrong != NULL)
        snprintf(bench->wrong, sizeof(bench->wrong), "%s", wrong);
    return wrong == NULL;
}

/* The worker writes no verdict: the API puts it in. */
static bool body_is_valid(struct bench *bench) {
    struct schema_fault fault;
    bench->body.len--;
    buffer_append_string(&bench->body, ",\"verdict\":null}");
    if (!json_nodes_read(&bench->nodes, buffer_text(&bench->body)))
        return is_fine(bench, bench->nodes.fault);
    if (schema_check(bench->schema, &bench->nodes, 0, &fault))
        return is_fine(bench, body_check(&bench->nodes));
    buffer_clear(&bench->other);
    json_nodes_pointer(&bench->nodes, fault.node, &bench->other);
    snprintf(bench->wrong, sizeof(bench->wrong), "%.*s breaks the schema: %s", (int)bench->other.len,
             bench->other.at, fault.keyword);
    return false;
}

/* The API would take the signal, and the analysis can be repeated from what it carries. */
static bool world_is_real(struct bench *bench) {
    struct faults faults;
    struct signal again;
    struct writer writer;
    bool same = false;
    const char *why = "the repeated analysis differs";
    arena_reset(&bench->arena);
    buffer_clear(&bench->other);
    faults_init(&faults, &bench->arena);
    writer_init(&writer, &bench->other);
    signal_write(&writer, &bench->world.signal);
    if (signal_read_stored(buffer_text(&bench->other), &bench->arena, &again, &faults) != STATUS_OK)
        return is_fine(bench, "the API would not take the signal");
    buffer_clear(&bench->other);
    enum status status =
        explain_analysis(buffer_text(&bench->body), &bench->arena, &same, &bench->other, &why);
    return is_fine(bench, status == STATUS_OK && same ? NULL : why);
}

static bool world_holds(struct bench *bench, uint64_t number) {
    random_world_make(&bench->world, bench->seed, number);
    random_world_analyze(&bench->world);
    if (!is_fine(bench, analysis_check(&bench->world.analysis)))
        return false;
    buffer_clear(&bench->body);
    analysis_write(&bench->body, &bench->world.analysis);
    if (number % REPEAT_ONE_IN == 0 && !world_is_real(bench))
        return false;
    return body_is_valid(bench);
}

static void show(const struct bench *bench, uint64_t number) {
    fprintf(stderr, "SOC_PROPERTY_SEED=%llu SOC_PROPERTY_ONLY=%llu: %s\n%.*s\n",
            (unsigned long long)bench->seed, (unsigned long long)number, bench->wrong, (int)bench->body.len,
            bench->body.at == NULL ? "" : bench->body.at);
}

/* Every PROCESSES-th world from `first` on; the number of those that do not hold. */
static unsigned run_worlds(uint64_t first, uint64_t count) {
    struct bench *bench = bench_open();
    unsigned faults = 0;
    for (uint64_t number = first; number < count && faults < FAULTS_SHOWN; number += PROCESSES)
        if (!world_holds(bench, number)) {
            faults++;
            show(bench, number);
        }
    bench_close(bench);
    return faults;
}

Test(property, whatever_comes_every_analysis_holds) {
    uint64_t count = setting("SOC_PROPERTY_COUNT", WORLDS);
    pid_t children[PROCESSES];
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0)
            _exit((int)run_worlds((uint64_t)i, count));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int ended = -1;
        cr_assert_eq(waitpid(children[i], &ended, 0), children[i]);
        cr_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "process %d: %s %d", i,
                  WIFEXITED(ended) ? "faults" : "signal",
                  WIFEXITED(ended) ? WEXITSTATUS(ended) : WTERMSIG(ended));
    }
    fprintf(stderr, "%llu random worlds of seed %llu hold\n", (unsigned long long)count,
            (unsigned long long)setting("SOC_PROPERTY_SEED", 20261126));
}

Test(property, one_world_can_be_shown_again) {
    struct bench *bench = bench_open();
    struct buffer first = BUFFER_EMPTY;
    uint64_t number = setting("SOC_PROPERTY_ONLY", 0);
    cr_assert_not_null(bench->schema, "%s", bench->schemas.why);
    bool holds = world_holds(bench, number);
    if (!holds || getenv("SOC_PROPERTY_ONLY") != NULL)
        show(bench, number);
    cr_assert(holds, "%s", bench->wrong);
    buffer_append_text(&first, buffer_text(&bench->body));
    cr_assert(world_holds(bench, number + 1));
    cr_assert_not(text_equal(buffer_text(&first), buffer_text(&bench->body)));
    cr_assert(world_holds(bench, number));
    cr_assert(text_equal(buffer_text(&first), buffer_text(&bench->body)));
    buffer_fini(&first);
    bench_close(bench);
}

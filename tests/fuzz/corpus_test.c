/* Feeds a fuzz target everything in its folder of tests/fuzz/corpus, without libFuzzer: what was found once
 * stays found. CORPUS_DIR is the folder. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/random_bytes.h"

enum { LIMIT_SECONDS = 60, PATH_BYTES_MAX = 1024 };

static void feed(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat about;
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fstat(fileno(file), &about), 0);
    size_t size = (size_t)about.st_size;
    char *bytes = malloc(size + 1);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, size, file), size, "%s", path);
    fclose(file);
    char *exact = exact_copy(bytes, size);
    free(bytes);
    fprintf(stderr, "%s\n", path); /* shown when the program fails: the last one did it */
    cr_assert_eq(LLVMFuzzerTestOneInput((const uint8_t *)exact, size), 0);
    free(exact);
}

Test(corpus, holds_what_the_target_asserts, .timeout = LIMIT_SECONDS) {
    unsigned count = 0;
    DIR *folder = opendir(CORPUS_DIR);
    cr_assert_not_null(folder, "%s", CORPUS_DIR);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL; count++) {
        char path[PATH_BYTES_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", CORPUS_DIR, entry->d_name);
        feed(path);
    }
    closedir(folder);
    cr_assert_gt(count, 2, "%s is empty", CORPUS_DIR);
}

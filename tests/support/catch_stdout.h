/* What a test's program writes to stdout, read back through a pipe. Each test runs in a process of its own.
 */
#ifndef SOC_TESTS_CATCH_STDOUT_H
#define SOC_TESTS_CATCH_STDOUT_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <unistd.h>

/* The end to read from, which does not block. */
static inline int catch_stdout(void) {
    int ends[2];
    cr_assert(eq(int, pipe(ends), 0));
    cr_assert(eq(int, dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO));
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return ends[0];
}

#endif

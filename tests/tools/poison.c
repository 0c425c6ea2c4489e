/* Preloaded into soc-worker by tests: a signal whose customer_id is poison-HOW-STAGE kills the worker that
 * handles it. HOW is segv, loop, alloc or kill; STAGE is where: read (before its history is asked for),
 * analyze (while its analysis is written), commit (the result is there, the script that stores it is not
 * sent). */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hiredis/async.h>

enum { MARK_MAX = 64, CHUNK = 16 << 20 };

static const char start[] = "poison-";
static char armed[MARK_MAX]; /* the mark whose analysis is next */

static void run_out_of_memory(void) {
    for (;;) {
        char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
            abort();
        for (size_t i = 0; i < CHUNK; i += 4096)
            ((volatile char *)chunk)[i] = 1;
    }
}

static void act(const char *mark) {
    static volatile int forever = 1;
    static int *volatile nowhere;
    const char *how = mark + sizeof(start) - 1;
    if (strncmp(how, "segv", 4) == 0)
        *nowhere = 0;
    if (strncmp(how, "loop", 4) == 0)
        while (forever)
            ;
    if (strncmp(how, "alloc", 5) == 0)
        run_out_of_memory();
    kill(getpid(), SIGKILL);
}

/* The mark in these bytes that names the stage, without its end; NULL when there is none. */
static const char *find_mark(const char *bytes, size_t len, const char *stage, char *mark) {
    for (const char *at = bytes, *end = bytes + len; at < end; at++) {
        at = memmem(at, (size_t)(end - at), start, sizeof(start) - 1);
        if (at == NULL)
            return NULL;
        size_t n = 0;
        while (n < MARK_MAX - 1 && at + n < end && ((at[n] >= 'a' && at[n] <= 'z') || at[n] == '-'))
            n++;
        for (size_t i = 0; i < n; i++)
            mark[i] = at[i];
        mark[n] = '\0';
        if (strstr(mark, stage) != NULL)
            return mark;
    }
    return NULL;
}

static int is_command(const char *command, const char *verb) {
    const char *line = strstr(command, "\r\n");
    line = line == NULL ? NULL : strstr(line + 2, "\r\n");
    return line != NULL && strncmp(line + 2, verb, strlen(verb)) == 0;
}

int redisAsyncFormattedCommand(redisAsyncContext *context, redisCallbackFn *done, void *arg,
                               const char *command, size_t len) {
    static int (*real)(redisAsyncContext *, redisCallbackFn *, void *, const char *, size_t);
    char mark[MARK_MAX];
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "redisAsyncFormattedCommand");
    int history = is_command(command, "MGET");
    if (history && find_mark(command, len, "-read", mark) != NULL)
        act(mark);
    if (is_command(command, "EVALSHA") && find_mark(command, len, "-commit", mark) != NULL)
        act(mark);
    int result = real(context, done, arg, command, len);
    if (history && find_mark(command, len, "-analyze", mark) != NULL)
        strcpy(armed, mark);
    return result;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
    const char *bytes = from;
    size_t wanted = 0;
    while (armed[wanted] != '\0')
        wanted++;
    if (wanted > 0 && len >= wanted && memmem(bytes, len, armed, wanted) != NULL) {
        char mark[MARK_MAX];
        for (size_t i = 0; i <= wanted; i++)
            mark[i] = armed[i];
        armed[0] = '\0';
        act(mark);
    }
    return memmove(to, from, len);
}

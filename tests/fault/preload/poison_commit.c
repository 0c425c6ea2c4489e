/* Loaded before hiredis into a worker (LD_PRELOAD), it kills the worker at its Nth commit (POISON_COMMIT=N):
 * the results are ready, the script that stores them is not sent. */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/async.h>

static const char result[] = "\"status\":\"completed\"";

typedef int send_command(redisAsyncContext *context, redisCallbackFn *done, void *arg, const char *command,
                         size_t len);

int redisAsyncFormattedCommand(redisAsyncContext *context, redisCallbackFn *done, void *arg,
                               const char *command, size_t len) {
    static send_command *real;
    static long commits;
    const char *last = getenv("POISON_COMMIT");
    if (real == NULL)
        real = (send_command *)dlsym(RTLD_NEXT, "redisAsyncFormattedCommand");
    if (last != NULL && memmem(command, len, result, sizeof(result) - 1) != NULL && ++commits == atol(last))
        kill(getpid(), SIGKILL);
    return real(context, done, arg, command, len);
}

/* Builds one Redis command as RESP bytes, so that a batch is formatted once and copied once. */
#ifndef SOC_REDIS_COMMAND_H
#define SOC_REDIS_COMMAND_H

#include <stdint.h>

#include "shared/base/buffer.h"

struct command {
    struct buffer bytes;
    size_t start; /* where the finished command begins in `bytes` */
    unsigned count;
};

#define COMMAND_EMPTY ((struct command){BUFFER_EMPTY, 0, 0})

void command_fini(struct command *command);

/* Starts over; the memory is kept. */
void command_begin(struct command *command, const char *verb);

/* Starts a run of arguments without a verb, to be joined to a command later (EVALSHA wants all keys before
 * the first argument). */
void command_begin_part(struct command *part);
void command_join(struct command *command, const struct command *part);
void command_text(struct command *command, struct text argument);
void command_string(struct command *command, const char *argument);
void command_signed(struct command *command, int64_t argument);

/* Several words at once: command_words(&c, "COUNT", "10", NULL). */
void command_words(struct command *command, ...) __attribute__((sentinel));

/* The finished command; borrows from `command`. More arguments may follow, then finish again. */
struct text command_finish(struct command *command);

#endif

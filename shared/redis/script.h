/* A Lua script with the SHA-1 that EVALSHA wants. A link loads its scripts whenever it comes up, and again
 * when Redis answers NOSCRIPT (SCRIPT FLUSH, failover). */
#ifndef SOC_REDIS_SCRIPT_H
#define SOC_REDIS_SCRIPT_H

#include "shared/redis/command.h"

struct script {
    const char *text;
    char sha1[41];
};

void script_init(struct script *script, const char *text);

/* The script, made by the first call. */
const struct script *script_once(struct script *script, const char *text);

/* EVALSHA with `key_count` keys to follow as arguments. */
void command_begin_script(struct command *command, const struct script *script, int key_count);

#endif

#include "shared/redis/script.h"

#include <openssl/sha.h>

void script_init(struct script *script, const char *text) {
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1((const unsigned char *)text, strlen(text), digest);
    script->text = text;
    for (int i = 0; i < SHA_DIGEST_LENGTH; i++) {
        script->sha1[2 * i] = hex[digest[i] >> 4];
        script->sha1[2 * i + 1] = hex[digest[i] & 15];
    }
    script->sha1[2 * SHA_DIGEST_LENGTH] = '\0';
}

const struct script *script_once(struct script *script, const char *text) {
    if (script->text == NULL)
        script_init(script, text);
    return script;
}

void command_begin_script(struct command *command, const struct script *script, int key_count) {
    command_begin(command, "EVALSHA");
    command_string(command, script->sha1);
    command_signed(command, key_count);
}

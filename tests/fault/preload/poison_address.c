/* Loaded before libc into a worker (LD_PRELOAD), it makes signals from certain addresses poisonous: reading
 * 203.0.113.N crashes it (1), never ends (2), or takes memory without end (3). */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef int read_address(int family, const char *text, void *out);

static void crash(void) {
    abort();
}

static void spin(void) {
    for (volatile unsigned turn = 0;; turn++)
        continue;
}

static void devour(void) {
    enum { PIECE = 1 << 22 };
    for (char *piece; (piece = malloc(PIECE)) != NULL;)
        memset(piece, 1, PIECE);
    abort();
}

static const struct {
    const char *address;
    void (*act)(void);
} poisons[] = {{"203.0.113.1", crash}, {"203.0.113.2", spin}, {"203.0.113.3", devour}};

int inet_pton(int family, const char *restrict text, void *restrict out) {
    static read_address *real;
    if (real == NULL)
        real = (read_address *)dlsym(RTLD_NEXT, "inet_pton");
    for (size_t i = 0; i < sizeof(poisons) / sizeof(poisons[0]); i++)
        if (strcmp(text, poisons[i].address) == 0)
            poisons[i].act();
    return real(family, text, out);
}

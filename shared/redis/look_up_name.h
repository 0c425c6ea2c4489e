/* The addresses of a host name, without waiting: the system's resolver works in a thread of the C library
 * (getaddrinfo_a), and we ask now and then whether it is done. */
#ifndef SOC_REDIS_LOOK_UP_NAME_H
#define SOC_REDIS_LOOK_UP_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { LOOKUP_ADDRESS_MAX = 64 };

enum lookup_state { LOOKUP_RUNNING, LOOKUP_DONE, LOOKUP_FAILED };

struct lookup;

/* An address needs no look-up. */
bool host_is_numeric(const char *host);

/* `lookup` is NULL or of an earlier call: one of the same name that still runs is gone on with. */
struct lookup *lookup_begin(struct lookup *lookup, const char *name);

/* LOOKUP_DONE: `address` is the `turn`-th of the name's addresses, IPv4 before IPv6, over and over.
 * LOOKUP_FAILED: `why`, a fixed text. */
enum lookup_state lookup_poll(const struct lookup *lookup, unsigned turn, char address[LOOKUP_ADDRESS_MAX],
                              const char **why);

/* Also while it runs: what the thread still needs is freed later. */
void lookup_free(struct lookup *lookup);

#endif

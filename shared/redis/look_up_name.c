#include "shared/redis/look_up_name.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 256 };

struct lookup {
    struct gaicb request;
    struct addrinfo hints;
    char name[NAME_MAX_BYTES];
    int refused; /* getaddrinfo_a's own error */
    struct lookup *next_left;
};

/* Freed while their thread was at work; looked after by the next lookup_begin or lookup_free. */
static struct lookup *left_behind;

bool host_is_numeric(const char *host) {
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool is_running(const struct lookup *lookup) {
    return lookup->refused == 0 && gai_error((struct gaicb *)&lookup->request) == EAI_INPROGRESS;
}

static void release(struct lookup *lookup) {
    if (lookup->request.ar_result != NULL)
        freeaddrinfo(lookup->request.ar_result);
    free(lookup);
}

static void release_left_behind(void) {
    struct lookup **at = &left_behind;
    while (*at != NULL) {
        struct lookup *lookup = *at;
        if (is_running(lookup)) {
            at = &lookup->next_left;
            continue;
        }
        *at = lookup->next_left;
        release(lookup);
    }
}

void lookup_free(struct lookup *lookup) {
    release_left_behind();
    if (lookup == NULL)
        return;
    if (is_running(lookup) && gai_cancel(&lookup->request) != EAI_CANCELED) {
        lookup->next_left = left_behind;
        left_behind = lookup;
        return;
    }
    release(lookup);
}

struct lookup *lookup_begin(struct lookup *lookup, const char *name) {
    if (lookup != NULL && strcmp(lookup->name, name) == 0 && is_running(lookup))
        return lookup;
    lookup_free(lookup);
    lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL)
        abort();
    snprintf(lookup->name, sizeof(lookup->name), "%s", name);
    lookup->hints = (struct addrinfo){.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup->request = (struct gaicb){.ar_name = lookup->name, .ar_request = &lookup->hints};
    struct gaicb *requests[] = {&lookup->request};
    lookup->refused = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);
    return lookup;
}

/* The `turn`-th of the addresses in their order, IPv4 first; NULL when there are fewer. */
static const struct addrinfo *pick(const struct addrinfo *found, unsigned turn) {
    static const int families[] = {AF_INET, AF_INET6};
    unsigned at = 0;
    for (int i = 0; i < 2; i++)
        for (const struct addrinfo *one = found; one != NULL; one = one->ai_next)
            if (one->ai_family == families[i] && at++ == turn)
                return one;
    return NULL;
}

static unsigned count_addresses(const struct addrinfo *found) {
    unsigned count = 0;
    while (pick(found, count) != NULL)
        count++;
    return count;
}

enum lookup_state lookup_poll(const struct lookup *lookup, unsigned turn, char address[LOOKUP_ADDRESS_MAX],
                              const char **why) {
    int error = lookup->refused != 0 ? lookup->refused : gai_error((struct gaicb *)&lookup->request);
    if (error == EAI_INPROGRESS)
        return LOOKUP_RUNNING;
    unsigned count = error == 0 ? count_addresses(lookup->request.ar_result) : 0;
    *why = error == 0 ? "it has no address" : gai_strerror(error);
    if (count == 0)
        return LOOKUP_FAILED;
    const struct addrinfo *one = pick(lookup->request.ar_result, turn % count);
    *why = "its address cannot be written";
    return getnameinfo(one->ai_addr, one->ai_addrlen, address, LOOKUP_ADDRESS_MAX, NULL, 0, NI_NUMERICHOST) ==
                   0
               ? LOOKUP_DONE
               : LOOKUP_FAILED;
}

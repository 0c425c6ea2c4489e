#include "worker/intake/peers.h"

#include <stdlib.h>

#include "shared/base/hash.h"

enum { BUCKETS = 1024 }; /* a fleet of thousands still finds its own at once */

struct peers {
    struct peer *buckets[BUCKETS];
};

struct peers *peers_new(void) {
    struct peers *peers = calloc(1, sizeof(*peers));
    if (peers == NULL)
        abort();
    return peers;
}

static size_t bucket_of(struct text name) {
    return hash_text(name) % BUCKETS;
}

static void forget(struct peers *peers, bool all) {
    for (size_t i = 0; i < BUCKETS; i++) {
        struct peer **at = &peers->buckets[i];
        while (*at != NULL) {
            struct peer *peer = *at;
            if (peer->seen && !all) {
                at = &peer->next;
                continue;
            }
            *at = peer->next;
            free(peer);
        }
    }
}

void peers_free(struct peers *peers) {
    if (peers == NULL)
        return;
    forget(peers, true);
    free(peers);
}

struct peer *peers_find(const struct peers *peers, struct text name) {
    struct peer *peer = peers->buckets[bucket_of(name)];
    while (peer != NULL && !text_is(name, peer->name))
        peer = peer->next;
    return peer;
}

struct peer *peers_next(const struct peers *peers, const struct peer *after) {
    if (after != NULL && after->next != NULL)
        return after->next;
    size_t i = after == NULL ? 0 : bucket_of(text_of(after->name)) + 1;
    while (i < BUCKETS && peers->buckets[i] == NULL)
        i++;
    return i < BUCKETS ? peers->buckets[i] : NULL;
}

static struct peer *find_or_add(struct peers *peers, struct text name) {
    struct peer *peer = peers_find(peers, name), **bucket = &peers->buckets[bucket_of(name)];
    if (peer != NULL)
        return peer;
    peer = calloc(1, sizeof(*peer) + name.len + 1);
    if (peer == NULL)
        abort();
    memcpy(peer->name, name.at, name.len);
    peer->next = *bucket;
    *bucket = peer;
    return peer;
}

void peers_begin_look(struct peers *peers) {
    for (struct peer *peer = peers_next(peers, NULL); peer != NULL; peer = peers_next(peers, peer)) {
        peer->seen = peer->beats = false;
        peer->pending = 0;
    }
}

void peers_note_heartbeat(struct peers *peers, struct text name, struct text heartbeat) {
    if (name.at == NULL || heartbeat.len >= HEARTBEAT_TEXT_MAX || memchr(name.at, '\0', name.len) != NULL)
        return; /* nobody of ours */
    struct peer *peer = find_or_add(peers, name);
    peer->seen = peer->beats = true;
    if (text_is(heartbeat, peer->heartbeat)) {
        peer->unchanged++;
        return;
    }
    peer->unchanged = 0;
    memcpy(peer->heartbeat, heartbeat.at, heartbeat.len);
    peer->heartbeat[heartbeat.len] = '\0';
}

void peers_note_pending(struct peers *peers, struct text name, long long pending) {
    if (name.at == NULL || memchr(name.at, '\0', name.len) != NULL)
        return;
    struct peer *peer = find_or_add(peers, name);
    peer->seen = true;
    peer->pending = pending;
    if (peer->beats)
        return;
    peer->unchanged = peer->heartbeat[0] == '\0' ? peer->unchanged + 1 : 0;
    peer->heartbeat[0] = '\0'; /* gone since the last look */
}

void peers_end_look(struct peers *peers) {
    forget(peers, false);
}

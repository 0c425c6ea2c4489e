#include "shared/telemetry/log_repeats.h"

#include "shared/base/hash.h"

struct repeat {
    enum log_event event;
    char key[REPEAT_KEY_MAX];
    size_t key_len;
    int64_t written_ms;
    uint64_t left_out;
};

static struct repeat repeats[REPEATS_MAX];
static uint64_t hashes[REPEATS_MAX]; /* apart, since each is looked at; 0: free */
static uint64_t waiting;             /* lines left out and not told */

static void tell_of(struct repeat *repeat, repeats_tell tell) {
    uint64_t left_out = repeat->left_out;
    if (left_out == 0)
        return;
    waiting -= left_out;
    repeat->left_out = 0;
    tell(repeat->event, (struct text){repeat->key, repeat->key_len}, left_out);
}

static int find(uint64_t hash, enum log_event event, struct text key) {
    for (int i = 0; i < REPEATS_MAX; i++)
        if (hashes[i] == hash && repeats[i].event == event &&
            text_equal((struct text){repeats[i].key, repeats[i].key_len}, key))
            return i;
    return -1;
}

static int make_room(repeats_tell tell) {
    int oldest = 0;
    for (int i = 0; i < REPEATS_MAX; i++) {
        if (hashes[i] == 0)
            return i;
        if (repeats[i].written_ms < repeats[oldest].written_ms)
            oldest = i;
    }
    tell_of(&repeats[oldest], tell);
    return oldest;
}

bool repeats_admit(enum log_event event, struct text key, int64_t now_ms, repeats_tell tell,
                   uint64_t *left_out) {
    if (key.len > REPEAT_KEY_MAX)
        key.len = 0;
    uint64_t hash = (hash_text(key) + (uint64_t)event) | 1;
    int at = find(hash, event, key);
    *left_out = 0;
    if (at >= 0 && now_ms - repeats[at].written_ms < REPEAT_QUIET_MS) {
        repeats[at].left_out++;
        waiting++;
        return false;
    }
    if (at < 0) {
        at = make_room(tell);
        hashes[at] = hash;
        repeats[at] = (struct repeat){.event = event, .key_len = key.len};
        memcpy(repeats[at].key, key.at, key.len);
    }
    *left_out = repeats[at].left_out;
    waiting -= *left_out;
    repeats[at].left_out = 0;
    repeats[at].written_ms = now_ms;
    return true;
}

/* Twice the time: while it goes on, the next line of the key tells it. */
void repeats_tick(int64_t now_ms, repeats_tell tell) {
    for (int i = 0; i < REPEATS_MAX && waiting > 0; i++)
        if (repeats[i].left_out > 0 && now_ms - repeats[i].written_ms >= 2 * REPEAT_QUIET_MS) {
            repeats[i].written_ms = now_ms;
            tell_of(&repeats[i], tell);
        }
}

void repeats_clear(void) {
    memset(hashes, 0, sizeof(hashes));
    memset(repeats, 0, sizeof(repeats));
    waiting = 0;
}

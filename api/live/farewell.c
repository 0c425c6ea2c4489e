#include "api/live/farewell.h"

void farewell_begin(struct farewell *farewell, unsigned clients, int64_t now_ms) {
    int64_t length_ms = (int64_t)clients * FAREWELL_EACH_MS;
    *farewell = (struct farewell){.begun_ms = now_ms,
                                  .length_ms = length_ms < FAREWELL_MAX_MS ? length_ms : FAREWELL_MAX_MS,
                                  .count = clients};
}

unsigned farewell_due(struct farewell *farewell, int64_t now_ms) {
    int64_t passed_ms = now_ms - farewell->begun_ms;
    unsigned turn = farewell->count;
    if (passed_ms < farewell->length_ms)
        turn = (unsigned)(farewell->count * passed_ms / farewell->length_ms);
    unsigned due = turn - farewell->told;
    farewell->told = turn;
    return due;
}

#include "shared/redis/link_machine.h"

#include <stdlib.h>

/* clang-format off */
#define STAY(state)      {LINK_##state, LINK_DO_NOTHING}
#define CANNOT(state)    {LINK_##state, LINK_CANNOT}
#define GO(state, what)  {LINK_##state, LINK_DO_##what}

/* Columns as in enum link_event: due, place, resolved, connected, greeted, condemned, lost, turn's end. */
static const struct link_step steps[LINK_STATE_COUNT][LINK_EVENT_COUNT] = {
    [LINK_DOWN] =       {GO(SEEKING, SEEK), GO(DOWN, HURRY), CANNOT(DOWN), CANNOT(DOWN),
                         CANNOT(DOWN), STAY(DOWN), CANNOT(DOWN), STAY(DOWN)},
    [LINK_SEEKING] =    {CANNOT(SEEKING), GO(RESOLVING, RESOLVE), CANNOT(SEEKING), CANNOT(SEEKING),
                         CANNOT(SEEKING), STAY(SEEKING), CANNOT(SEEKING), STAY(SEEKING)},
    [LINK_RESOLVING] =  {CANNOT(RESOLVING), GO(RESOLVING, RESOLVE), GO(CONNECTING, CONNECT), CANNOT(RESOLVING),
                         CANNOT(RESOLVING), GO(DOWN, RETRY), CANNOT(RESOLVING), STAY(RESOLVING)},
    [LINK_CONNECTING] = {CANNOT(CONNECTING), GO(LEAVING, MOVE), CANNOT(CONNECTING), GO(GREETING, GREET),
                         CANNOT(CONNECTING), STAY(LEAVING), GO(DOWN, RETRY), STAY(CONNECTING)},
    [LINK_GREETING] =   {CANNOT(GREETING), GO(LEAVING, MOVE), CANNOT(GREETING), CANNOT(GREETING),
                         GO(UP, TELL_UP), STAY(LEAVING), GO(DOWN, RETRY), GO(GREETING, WRITE)},
    [LINK_UP] =         {CANNOT(UP), GO(LEAVING, MOVE), CANNOT(UP), CANNOT(UP),
                         CANNOT(UP), STAY(LEAVING), GO(DOWN, RETRY), GO(UP, WRITE)},
    /* What was on its way when it was given up still comes: it changes nothing, and the first reason stands. */
    [LINK_LEAVING] =    {CANNOT(LEAVING), GO(LEAVING, MOVE), CANNOT(LEAVING), STAY(LEAVING),
                         STAY(LEAVING), STAY(LEAVING), GO(DOWN, RETRY), GO(LEAVING, CLOSE)},
};
/* clang-format on */

static const char *const state_names[LINK_STATE_COUNT] = {
    "down", "seeking", "resolving", "connecting", "greeting", "up", "leaving",
};

static const char *const event_names[LINK_EVENT_COUNT] = {
    "due", "place", "resolved", "connected", "greeted", "condemned", "lost", "turn's end",
};

struct link_step link_step(enum link_state state, enum link_event event) {
    if ((unsigned)state >= LINK_STATE_COUNT || (unsigned)event >= LINK_EVENT_COUNT)
        abort();
    return steps[state][event];
}

const char *link_state_name(enum link_state state) {
    return state_names[state];
}

const char *link_event_name(enum link_event event) {
    return event_names[event];
}

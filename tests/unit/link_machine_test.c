/* The link as a machine: every state times every event, first as a table, then on a real link that is brought
 * into each state. No cell is left out. */
#include <sys/wait.h>

#include "shared/redis/link_parts.h"
#include "shared/telemetry/log.h"
#include "tests/unit/fake_redis.h"

/* --- the table --- */

#define NO                                                                                                   \
    { LINK_STATE_COUNT, LINK_CANNOT }

/* What is meant, written a second time: due, place, resolved, connected, greeted, condemned, lost, turn's
 * end. NO: it cannot happen, and aborts. */
static const struct link_step meant[LINK_STATE_COUNT][LINK_EVENT_COUNT] = {
    [LINK_DOWN] = {{LINK_SEEKING, LINK_DO_SEEK},
                   {LINK_DOWN, LINK_DO_HURRY},
                   NO,
                   NO,
                   NO,
                   {LINK_DOWN, LINK_DO_NOTHING},
                   NO,
                   {LINK_DOWN, LINK_DO_NOTHING}},
    [LINK_SEEKING] = {NO,
                      {LINK_RESOLVING, LINK_DO_RESOLVE},
                      NO,
                      NO,
                      NO,
                      {LINK_SEEKING, LINK_DO_NOTHING},
                      NO,
                      {LINK_SEEKING, LINK_DO_NOTHING}},
    [LINK_RESOLVING] = {NO,
                        {LINK_RESOLVING, LINK_DO_RESOLVE},
                        {LINK_CONNECTING, LINK_DO_CONNECT},
                        NO,
                        NO,
                        {LINK_DOWN, LINK_DO_RETRY},
                        NO,
                        {LINK_RESOLVING, LINK_DO_NOTHING}},
    [LINK_CONNECTING] = {NO,
                         {LINK_LEAVING, LINK_DO_MOVE},
                         NO,
                         {LINK_GREETING, LINK_DO_GREET},
                         NO,
                         {LINK_LEAVING, LINK_DO_NOTHING},
                         {LINK_DOWN, LINK_DO_RETRY},
                         {LINK_CONNECTING, LINK_DO_NOTHING}},
    [LINK_GREETING] = {NO,
                       {LINK_LEAVING, LINK_DO_MOVE},
                       NO,
                       NO,
                       {LINK_UP, LINK_DO_TELL_UP},
                       {LINK_LEAVING, LINK_DO_NOTHING},
                       {LINK_DOWN, LINK_DO_RETRY},
                       {LINK_GREETING, LINK_DO_WRITE}},
    [LINK_UP] = {NO,
                 {LINK_LEAVING, LINK_DO_MOVE},
                 NO,
                 NO,
                 NO,
                 {LINK_LEAVING, LINK_DO_NOTHING},
                 {LINK_DOWN, LINK_DO_RETRY},
                 {LINK_UP, LINK_DO_WRITE}},
    [LINK_LEAVING] = {NO,
                      {LINK_LEAVING, LINK_DO_MOVE},
                      NO,
                      {LINK_LEAVING, LINK_DO_NOTHING},
                      {LINK_LEAVING, LINK_DO_NOTHING},
                      {LINK_LEAVING, LINK_DO_NOTHING},
                      {LINK_DOWN, LINK_DO_RETRY},
                      {LINK_LEAVING, LINK_DO_CLOSE}},
};

#define EACH_CELL                                                                                            \
    for (int state = 0; state < LINK_STATE_COUNT; state++)                                                   \
        for (int event = 0; event < LINK_EVENT_COUNT; event++)

TestSuite(link_machine, .timeout = 60);

Test(link_machine, no_cell_is_left_out) {
    EACH_CELL {
        struct link_step step = link_step((enum link_state)state, (enum link_event)event);
        const struct link_step *want = &meant[state][event];
        const char *where = link_state_name((enum link_state)state),
                   *what = link_event_name((enum link_event)event);
        cr_assert_lt(step.action, LINK_ACTION_COUNT);
        cr_assert_lt(step.next, LINK_STATE_COUNT);
        cr_assert_eq(step.action, want->action, "%s, %s: does %d", where, what, step.action);
        if (want->action != LINK_CANNOT)
            cr_assert_eq(step.next, want->next, "%s, %s: goes to %s", where, what,
                         link_state_name(step.next));
    }
}

Test(link_machine, every_state_and_event_has_a_name_of_its_own) {
    for (int i = 0; i < LINK_STATE_COUNT; i++)
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(link_state_name((enum link_state)i), link_state_name((enum link_state)j));
    for (int i = 0; i < LINK_EVENT_COUNT; i++)
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(link_event_name((enum link_event)i), link_event_name((enum link_event)j));
}

/* From every state there is a way back up, and every state can be reached from the first. */
Test(link_machine, there_is_a_way_from_every_state_to_every_other) {
    bool way[LINK_STATE_COUNT][LINK_STATE_COUNT] = {{false}};
    EACH_CELL {
        struct link_step step = link_step((enum link_state)state, (enum link_event)event);
        if (step.action != LINK_CANNOT)
            way[state][step.next] = true;
    }
    for (int over = 0; over < LINK_STATE_COUNT; over++)
        for (int from = 0; from < LINK_STATE_COUNT; from++)
            for (int to = 0; to < LINK_STATE_COUNT; to++)
                way[from][to] |= way[from][over] && way[over][to];
    for (int from = 0; from < LINK_STATE_COUNT; from++)
        for (int to = 0; to < LINK_STATE_COUNT; to++)
            cr_assert(way[from][to], "from %s to %s", link_state_name((enum link_state)from),
                      link_state_name((enum link_state)to));
}

/* --- the same on a real link --- */

static struct fake_redis fake;
static struct endpoint endpoint;
static unsigned ups, downs, told;

static void on_up(void *owner) {
    (void)owner;
    ups++;
}

static void on_down(void *owner, const char *why) {
    (void)owner;
    cr_assert_gt(strlen(why), 0);
    downs++;
}

static void on_order(void *arg, enum status status, const redisReply *reply) {
    (void)arg;
    cr_assert_eq(status, STATUS_UNAVAILABLE);
    cr_assert_null(reply);
    told++;
}

static void hold_back(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    (void)redis, (void)peer, (void)command;
}

static void send_one(void) {
    static const char bytes[] = "*1\r\n$4\r\nHELD\r\n";
    cr_assert_eq(
        link_send(fake.link, (struct text){bytes, sizeof(bytes) - 1}, LINK_DEADLINE_MS, on_order, NULL),
        STATUS_OK);
}

/* A fresh link in that state, with a command on its way where one can be. */
static void bring_into(enum link_state state) {
    static const struct link_hooks hooks = {on_up, on_down};
    fake_init(&fake);
    fake_listen(&fake, 16);
    ups = downs = told = 0;
    endpoint = (struct endpoint){.host = {"127.0.0.1", fake.port},
                                 .moves = state != LINK_SEEKING,
                                 .user = "",
                                 .password = "",
                                 .role = "master"};
    if (state == LINK_RESOLVING)
        snprintf(endpoint.host.host, sizeof(endpoint.host.host), "localhost");
    fake.answer = state == LINK_GREETING ? hold_back : fake_mute;
    fake.link = link_open(&fake.reactor, &endpoint, "test-link", NULL, 0, &hooks, &fake);
    if (state == LINK_DOWN)
        return;
    link_tick(fake.link, clock_monotonic_ms());
    if (state == LINK_GREETING)
        FAKE_UNTIL(&fake, fake.count > 0);
    if (state == LINK_UP || state == LINK_LEAVING) {
        FAKE_UNTIL(&fake, link_is_up(fake.link));
        send_one();
    }
    if (state == LINK_LEAVING)
        link_condemn(fake.link, "leaving");
    cr_assert_eq(fake.link->state, state, "it is %s, not %s", link_state_name(fake.link->state),
                 link_state_name(state));
}

static void leave(void) {
    link_close(fake.link);
    cr_assert_eq(fake_watches_in_use(&fake), 0);
    fake_fini(&fake);
}

static void let_connect(void) {
    const struct fake_watch *watch = &fake.watches[0];
    struct pollfd polled[WATCHES_MAX] = {{.fd = watch->fd, .events = POLLOUT}};
    while (fake.link->state == LINK_CONNECTING) {
        poll(polled, 1, TURN_MS);
        fake_dispatch(&fake, polled);
    }
}

/* What hiredis tells is made by what makes it tell. */
static void make_happen(enum link_event event) {
    if (event == LINK_EVENT_LOST && fake.link->context != NULL)
        socket_close(fake.link);
    else if (event == LINK_EVENT_CONNECTED && fake.link->state == LINK_CONNECTING)
        let_connect();
    else
        link_event(fake.link, event);
}

static bool dies_of(enum link_state state, enum link_event event) {
    int outcome;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        bring_into(state);
        link_event(fake.link, event);
        _exit(0);
    }
    waitpid(child, &outcome, 0);
    return WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGABRT;
}

/* Seeking and resolving go on at once with what is known already. */
static enum link_state settled(enum link_state next, enum link_action action) {
    if (action == LINK_DO_SEEK || action == LINK_DO_RESOLVE)
        return LINK_CONNECTING;
    return action == LINK_DO_CLOSE ? LINK_DOWN : next;
}

static void expect_cell(enum link_state state, enum link_event event) {
    const struct link_step *want = &meant[state][event];
    const char *where = link_state_name(state), *what = link_event_name(event);
    bool had_order = state == LINK_UP || state == LINK_LEAVING;
    bring_into(state);
    if (event == LINK_EVENT_PLACE)
        endpoint.moves++;
    if (state == LINK_RESOLVING && event == LINK_EVENT_PLACE)
        snprintf(endpoint.host.host, sizeof(endpoint.host.host), "127.0.0.1");
    if (state == LINK_RESOLVING && event == LINK_EVENT_RESOLVED)
        snprintf(fake.link->address, sizeof(fake.link->address), "127.0.0.1");
    unsigned ups_before = ups;
    make_happen(event);
    enum link_state now = fake.link->state;
    cr_assert_eq(now, settled(want->next, want->action), "%s, %s: now %s", where, what, link_state_name(now));
    cr_assert_eq(ups - ups_before, want->action == LINK_DO_TELL_UP, "%s, %s", where, what);
    cr_assert_eq(downs, had_order && now == LINK_DOWN, "%s, %s: told down %u times", where, what, downs);
    cr_assert_eq(told, had_order && now == LINK_DOWN, "%s, %s: %u replies", where, what, told);
    cr_assert_eq(fake.link->context != NULL, now >= LINK_CONNECTING, "%s, %s", where, what);
    cr_assert_eq(link_is_up(fake.link), now == LINK_UP);
    if (want->action == LINK_DO_RETRY)
        cr_assert_gt(fake.link->retry_at_ms, clock_monotonic_ms(), "%s, %s: no wait", where, what);
    if (want->action == LINK_DO_HURRY || want->action == LINK_DO_MOVE)
        cr_assert(want->action == LINK_DO_MOVE ? fake.link->hurry : fake.link->retry_at_ms == 0);
}

Test(link_machine, every_cell_is_so_on_a_real_link) {
    log_init("soc-test", "error");
    /* Children first: one forked while a lookup's thread has the resolver's lock would wait for ever. */
    EACH_CELL {
        enum link_state in = (enum link_state)state;
        enum link_event on = (enum link_event)event;
        if (meant[state][event].action == LINK_CANNOT)
            cr_assert(dies_of(in, on), "%s, %s: goes on", link_state_name(in), link_event_name(on));
    }
    EACH_CELL {
        if (meant[state][event].action == LINK_CANNOT)
            continue;
        expect_cell((enum link_state)state, (enum link_event)event);
        leave();
    }
}

/* Whatever happened to it, it comes up again by itself. */
Test(link_machine, after_every_cell_it_comes_back) {
    log_init("soc-test", "error");
    EACH_CELL {
        if (meant[state][event].action == LINK_CANNOT)
            continue;
        bring_into((enum link_state)state);
        make_happen((enum link_event)event);
        snprintf(endpoint.host.host, sizeof(endpoint.host.host), "127.0.0.1");
        endpoint.moves++;
        fake_hang_up_all(&fake);
        fake.answer = fake_echo;
        FAKE_UNTIL(&fake, link_is_up(fake.link));
        leave();
    }
}

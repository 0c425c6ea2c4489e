#include "tests/support/random_world.h"

#include "shared/analyzers/run_analyzers.h"
#include "tests/support/random_clock.h"

/* Neighbouring numbers must not give neighbouring rolls (splitmix64's steps). */
static uint64_t mixed(uint64_t value) {
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (value ^ (value >> 31)) | 1;
}

void random_world_make(struct random_world *world, uint64_t seed, uint64_t number) {
    world->dice.state = mixed(mixed(seed) + number);
    arena_reset(&world->arena);
    random_signal(&world->dice, &world->arena, &world->signal);
    random_facts(&world->dice, &world->arena, &world->signal, &world->facts);
}

static struct uuid random_id(struct dice *dice) {
    struct uuid id;
    for (size_t i = 0; i < sizeof(id.bytes); i++)
        id.bytes[i] = (uint8_t)dice_roll(dice, 256);
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

void random_world_analyze(struct random_world *world) {
    static const int64_t waits_ms[] = {0, 0, 1, 2, 40, 9000, INT64_C(86400000), INT64_C(9000000000)};
    static const int64_t deadlines_ms[] = {1, 50, 50, 50, 1000};
    struct dice *dice = &world->dice;
    struct random_clock moving = random_clock_start(dice);
    struct run_clock clock = {random_clock_read, &moving, moving.now_ns};
    world->analysis = (struct analysis){
        .id = random_id(dice),
        .signal = &world->signal,
        .facts = &world->facts,
        .created_at_ms =
            RANDOM_WORLD_NOW_MS + (int64_t)dice_roll(dice, INT64_C(1) << 36) - (INT64_C(1) << 35),
        .measured.queue_wait_ms = DICE_PICK(dice, waits_ms),
    };
    run_agents(agent_rows, DICE_PICK(dice, deadlines_ms), &clock, &world->arena, &world->analysis);
    run_analyzers(&clock, &world->arena, &world->analysis);
}

void random_world_fini(struct random_world *world) {
    arena_fini(&world->arena);
}

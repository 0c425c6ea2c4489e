/* Addresses that are never blocked, whatever the score: who stands behind them is not one attacker, or not
 * one at all. */
#ifndef SOC_GUARDRAILS_H
#define SOC_GUARDRAILS_H

#include "shared/base/arena.h"
#include "shared/model/facts.h"

struct protection {
    struct text because; /* with what proves it; at == NULL: not protected */
    enum action_type instead;
};

struct protection guardrails_find(const struct facts *facts, struct arena *arena);

/* True for the actions that cut someone off: they need approval or policy, and spare who is protected. */
bool guardrails_blocks(enum action_type action);

/* The action itself, or what is done instead. */
enum action_type guardrails_apply(const struct protection *protection, enum action_type action);

#endif

/* A question that goes to every list: its records first, then one command for each list; the answers come in
 * the order of the lists. */
#ifndef SOC_API_INTEL_QUESTION_H
#define SOC_API_INTEL_QUESTION_H

#include "api/context/intel_metadata.h"
#include "api/http/exchange.h"
#include "shared/redis/command.h"
#include "shared/redis/reply.h"

struct intel_question;

struct intel_question_kind {
    /* Writes the command to one list, whose key is `key`. */
    void (*ask)(struct intel_question *question, struct command *command, struct text key);
    /* What the list says; the reply dies with the call. */
    void (*hear)(struct intel_question *question, unsigned list, const redisReply *reply);
    /* All have answered: `exchange` is still there. */
    void (*answer)(struct intel_question *question);
    /* Frees what `own` holds outside the arena; may be NULL. */
    void (*release)(struct intel_question *question);
};

struct intel_question {
    const struct intel_question_kind *kind;
    struct exchange *exchange;
    struct arena arena;
    struct intel_metadata *lists; /* by name */
    unsigned count, awaited;
    enum status status;
    void *own; /* in the arena */
};

/* A question with nothing asked; `own_bytes` of zeroes are its own. */
struct intel_question *intel_question_new(struct exchange *exchange, const struct intel_question_kind *kind,
                                          size_t own_bytes);

/* Asks, answers and frees. */
void intel_question_ask(struct intel_question *question);
void intel_question_free(struct intel_question *question);

#endif

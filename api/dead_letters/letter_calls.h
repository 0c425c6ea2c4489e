/* The calls about dead letters. */
#ifndef SOC_API_LETTER_CALLS_H
#define SOC_API_LETTER_CALLS_H

#include "api/http/exchange.h"
#include "shared/redis/script.h"

void list_letters(struct exchange *exchange);
void delete_letter(struct exchange *exchange);

/* Refused while new signals are: Redis away or nearly full, or too much outstanding. */
void replay_letter(struct exchange *exchange);
void replay_letters(struct exchange *exchange);

const struct script *replay_script(void);

/* Answers 422 and returns false when the {id} of the path is no letter's. */
bool letter_id_of(struct exchange *exchange);

#endif

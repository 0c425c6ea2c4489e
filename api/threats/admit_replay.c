#include "api/threats/admit_replay.h"

#include "api/dead_letters/letter_calls.h"
#include "api/threats/validate_signal.h"

static bool admits(struct exchange *exchange) {
    enum status status = intake_status(exchange->app);
    if (status != STATUS_OK)
        exchange_answer_problem(exchange, status, "nothing was replayed: try again");
    return status == STATUS_OK;
}

void admit_replay(struct exchange *exchange) {
    if (letter_id_of(exchange) && admits(exchange))
        replay_letter(exchange);
}

void admit_replays(struct exchange *exchange) {
    if (admits(exchange))
        replay_letters(exchange);
}

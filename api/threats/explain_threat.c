#include "api/threats/explain_threat.h"

#include "api/threats/stored_threat.h"
#include "shared/explain/explain_analysis.h"

static void on_stored(struct exchange *exchange, void *arg, const struct stored_threat *stored) {
    static struct arena arena;
    struct buffer out = BUFFER_EMPTY;
    const char *why = NULL;
    bool same;
    (void)arg;
    if (stored == NULL)
        return;
    arena_reset(&arena);
    enum status status = explain_analysis(stored->data, &arena, &same, &out, &why);
    if (status == STATUS_OK && same)
        fetched_write(&out, stored->data, stored->verdict);
    if (status == STATUS_OK)
        exchange_answer_json(exchange, 200, buffer_text(&out));
    else
        exchange_answer_problem(exchange, status, why);
    buffer_fini(&out);
}

void explain_threat(struct exchange *exchange) {
    with_stored_threat(exchange, on_stored, NULL);
}

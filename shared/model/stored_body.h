/* What the body of a stored analysis (shared/model/analysis.h, `data` of threat:{id}) says, for whoever needs
 * some of it without a tree: the members' spans, and from them the log row and the case of the histories. A
 * body never changes once it is stored. */
#ifndef SOC_MODEL_STORED_BODY_H
#define SOC_MODEL_STORED_BODY_H

#include "shared/base/arena.h"
#include "shared/model/history.h"
#include "shared/model/log_row.h"

/* JSON as it stands in the body, texts with their quotes; at == NULL: no such member. */
struct stored_body {
    struct text id, status, signal, fp_score, severity, risk_score, requires_review, facts, measured;
    struct text created_at, completed_at;
};

/* False when the body is no JSON object. The spans borrow from it. */
bool stored_body_read(struct text body, struct arena *arena, struct stored_body *parts);

/* The characters between the quotes of a text that has nothing escaped; TEXT_NONE when it is none. */
struct text stored_body_text(struct text json);

/* The row of an `updated` event: as the `completed` one was, with the verdict. False when the body is no
 * completed analysis. Texts of row and signal borrow from body and arena. */
bool log_row_of_body(const struct stored_body *parts, enum verdict verdict, struct arena *arena,
                     struct signal *signal, struct log_row *row);

/* The case that the completion script put into the histories, judged as the row says. */
struct history_case history_case_of_row(const struct log_row *row);

#endif

#include "api/dead_letters/letter_query.h"

#include "api/dead_letters/letter.h"
#include "api/http/url_query.h"
#include "shared/base/utf8.h"

enum { ECHO_MAX = 40, PARAMETERS = 3 };

static bool set_limit(struct letter_query *query, struct text value, unsigned max) {
    unsigned long long limit;
    if (!text_to_unsigned(value, max, &limit) || limit == 0)
        return false;
    query->limit = (unsigned)limit;
    return true;
}

struct setting {
    struct letter_query *query;
    struct faults *faults;
    unsigned limit_max, seen;
    bool takes_reason;
};

static void set(struct setting *setting, struct text name, struct text value) {
    static const char *const names[PARAMETERS] = {"limit", "cursor", "reason"};
    struct faults *faults = setting->faults;
    int which = 0;
    while (which < (setting->takes_reason ? PARAMETERS : PARAMETERS - 1) && !text_is(name, names[which]))
        which++;
    struct text shown = utf8_valid(name) ? utf8_cut(name, ECHO_MAX) : TEXT_LITERAL("");
    if (which == (setting->takes_reason ? PARAMETERS : PARAMETERS - 1)) {
        faults_add(faults, shown.len > 0 ? &shown : NULL, "is not a parameter of this call");
        return;
    }
    bool repeated = setting->seen >> which & 1;
    setting->seen |= 1u << which;
    if (value.at == NULL)
        faults_add(faults, &name, "is not valid UTF-8");
    else if (repeated)
        faults_add(faults, &name, "must not be repeated");
    else if (which == 0 && !set_limit(setting->query, value, setting->limit_max))
        faults_add(faults, &name, "must be an integer from 1 to %u", setting->limit_max);
    else if (which == 1 && !letter_id_fits(value))
        faults_add(faults, &name, "must be the id of a dead letter");
    else if (which == 1)
        setting->query->cursor = value;
    else if (which == 2 && (setting->query->reason = vocabulary_find(&vocabulary_dead_reason, value)) < 0)
        faults_add(faults, &name, "is no reason of a dead letter");
}

bool letter_query_read(struct exchange *exchange, struct arena *arena, unsigned limit, unsigned limit_max,
                       bool takes_reason, struct letter_query *query) {
    struct text rest = exchange->query, name, value;
    struct faults faults;
    *query = (struct letter_query){.limit = limit, .cursor = TEXT_NONE, .reason = -1};
    struct setting setting = {query, &faults, limit_max, 0, takes_reason};
    faults_init(&faults, arena);
    while (url_query_next(&rest, arena, &name, &value))
        set(&setting, name, value);
    if (faults.count > 0)
        exchange_answer_bad_parameters(exchange, &faults);
    return faults.count == 0;
}

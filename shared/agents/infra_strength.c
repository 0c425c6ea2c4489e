#include "shared/agents/infra_strength.h"

#include "shared/agents/volume.h"

/* More or odd traffic follows every kind of event; failed or foreign logins follow only a load test's
 * scripted ones. */
enum infra_strength infra_strength_of(enum infra_kind kind, enum threat_type type) {
    static const enum infra_strength of_volume[INFRA_KIND_COUNT] = {
        [INFRA_DEPLOYMENT] = INFRA_EXPLAINS_WEAKLY,  [INFRA_CONFIG_CHANGE] = INFRA_EXPLAINS_WEAKLY,
        [INFRA_MAINTENANCE] = INFRA_EXPLAINS_WEAKLY, [INFRA_LOAD_TEST] = INFRA_EXPLAINS_WELL,
        [INFRA_OUTAGE] = INFRA_EXPLAINS_WEAKLY,
    };
    if (volume_matters(type))
        return of_volume[kind];
    return kind == INFRA_LOAD_TEST ? INFRA_EXPLAINS_WEAKLY : INFRA_EXPLAINS_NOTHING;
}

const struct infra_fact *infra_strongest(const struct facts *facts, enum threat_type type) {
    const struct infra_fact *strongest = NULL;
    enum infra_strength most = INFRA_EXPLAINS_NOTHING;
    for (unsigned i = 0; i < facts->infra_count; i++) {
        enum infra_strength strength = infra_strength_of(facts->infra[i].kind, type);
        if (strength > most) {
            most = strength;
            strongest = &facts->infra[i];
        }
    }
    return strongest;
}

/* Which MITRE ATT&CK Enterprise techniques a signal maps to. Ids, names and tactics as in version 17.1; the
 * analysis carries that version along. */
#ifndef SOC_ATTACK_MAP_H
#define SOC_ATTACK_MAP_H

#include "shared/agents/raw_data.h"
#include "shared/model/analysis.h"

struct attack_match {
    struct technique techniques[TECHNIQUES_MAX]; /* the first is the primary one */
    unsigned count;
    struct automated_threat automated[TECHNIQUES_MAX]; /* beside the techniques; no id stands twice */
    unsigned automated_count;
    const char *because; /* the evidence for the primary one; NULL: the threat type alone */
};

/* None for anomaly_detection without evidence in raw_data. */
void attack_map_find(const struct signal *signal, const struct facts *facts, const struct raw_data *raw,
                     struct attack_match *match);

#endif

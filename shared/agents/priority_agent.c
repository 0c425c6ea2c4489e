#include "shared/agents/agents.h"
#include "shared/agents/attack_map.h"
#include "shared/agents/phrase.h"
#include "shared/agents/risk_model.h"
#include "shared/agents/volume.h"

static struct text tell_base(const struct signal *signal, struct arena *arena) {
    return arena_printf(arena, "%lld requests in %lld min; base risk %d", (long long)signal->request_count,
                        (long long)signal->time_window_minutes, risk_base_points(signal->threat_type));
}

static struct text tell_attack(const struct attack_match *match, struct arena *arena) {
    if (match->count == 0)
        return TEXT_LITERAL("no ATT&CK technique without evidence in raw_data");
    if (match->because == NULL)
        return arena_printf(arena, "%s by type", match->techniques[0].technique_id);
    return arena_printf(arena, "%s: %s", match->techniques[0].technique_id, match->because);
}

static bool tells_something(const struct raw_data *raw) {
    return raw->listed_paths > 0 || raw->distinct_paths >= 0 || raw->distinct_usernames >= 0 ||
           raw->errors >= 0 || raw->successes >= 0;
}

static bool analyze(const struct signal *signal, const struct facts *facts, struct arena *arena,
                    struct agent_report *report) {
    struct raw_data raw;
    struct attack_match match;
    raw_data_read(signal, &raw);
    attack_map_find(signal, facts, &raw, &match);
    bool limit_known = volume_measure(signal, facts).limit > 0;
    struct text parts[] = {tell_base(signal, arena), tell_attack(&match, arena),
                           limit_known ? TEXT_NONE : TEXT_LITERAL("volume not weighed, limit unknown")};
    report->analysis = phrase_join(arena, parts, sizeof(parts) / sizeof(parts[0]), "; ");
    report->confidence = 0.75 + (limit_known ? 0.10 : 0) + (tells_something(&raw) ? 0.10 : 0);
    return true;
}

const struct agent_row agent_priority = {AGENT_PRIORITY, "priority", 0.75, 0.95, analyze};

#include <stdio.h>

#include "shared/analyzers/guardrails.h"
#include "shared/analyzers/response_templates.h"
#include "tests/support/case_run.h"

/* What the response engine calls likely false, and likely real: outside, a template is not used as it stands.
 */
static const double as_it_stands_from = 0.3, as_it_stands_to = 0.7;

/* Members whose values are words of a vocabulary; those from `from` on must occur. */
static const struct {
    const char *member;
    const struct vocabulary *vocabulary;
    int from;
} word_rows[] = {
    {"threat_type", &vocabulary_threat_type, 0},
    {"severity", &vocabulary_severity, 0},
    {"recommendation", &vocabulary_recommendation, 0},
    {"agent_name", &vocabulary_agent, 0},
    {"category", &vocabulary_fp_category, 0},
    {"category", &vocabulary_intel_category, 0},
    {"action_type", &vocabulary_action_type, 0},
    {"urgency", &vocabulary_urgency, 0},
    {"tier", &vocabulary_tier, 0},
    {"kind", &vocabulary_infra_kind, 0},
    {"verdict", &vocabulary_verdict, VERDICT_FALSE_POSITIVE},
    {"verdict", &vocabulary_crawler_verdict, CRAWLER_VERIFIED},
    {"event_type", &vocabulary_timeline_kind, 0},
};

/* "/a/b" in a tree; NULL: not there. */
static const json_t *find(const json_t *json, const char *pointer) {
    while (*pointer == '/' && json != NULL) {
        size_t len = strcspn(++pointer, "/");
        json = json_object_getn(json, pointer, len);
        pointer += len;
    }
    return json;
}

static void note(json_t *set, const char *key, const char *text) {
    json_t *seen = json_object_get(set, key);
    if (seen == NULL) {
        seen = json_object();
        json_object_set_new(set, key, seen);
    }
    json_object_set_new(seen, text, json_true());
}

static void note_texts(json_t *set, const char *key, const json_t *json) {
    const char *name;
    json_t *value;
    size_t i;
    if (json_is_string(json))
        note(set, key, json_string_value(json));
    json_object_foreach((json_t *)json, name, value) note_texts(set, key, value);
    json_array_foreach(json, i, value) note_texts(set, key, value);
}

static void note_words(json_t *set, const json_t *json) {
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)json, name, value) {
        if (json_is_string(value))
            note(set, name, json_string_value(value));
        note_words(set, value);
    }
    json_array_foreach(json, i, value) note_words(set, value);
}

void case_coverage_init(struct case_coverage *coverage, const json_t *must) {
    const char *pointer;
    json_t *texts;
    *coverage = (struct case_coverage){.texts = json_object(), .words = json_object()};
    json_object_foreach((json_t *)must, pointer, texts) {
        json_object_set_new(coverage->texts, pointer, json_object());
    }
}

void case_coverage_fini(struct case_coverage *coverage) {
    json_decref(coverage->texts);
    json_decref(coverage->words);
}

static bool template_stands(const struct analysis *analysis) {
    double score = analysis->fp.score;
    const struct response_template *template =
        response_template_find(analysis->signal->threat_type, analysis->severity);
    return score >= as_it_stands_from && score <= as_it_stands_to &&
           (int)analysis->plan.primary.action_type == template->primary &&
           analysis->plan.primary.urgency == template->urgency;
}

void case_coverage_add(struct case_coverage *coverage, const struct analysis *analysis, const json_t *body) {
    const char *pointer;
    json_t *texts;
    if (template_stands(analysis))
        coverage->templates[analysis->signal->threat_type][analysis->severity] = true;
    note_words(coverage->words, body);
    json_object_foreach(coverage->texts, pointer, texts) {
        note_texts(coverage->texts, pointer, find(body, pointer));
    }
}

static void check_templates(const struct case_coverage *coverage, struct case_report *report) {
    for (int type = 0; type < THREAT_TYPE_COUNT; type++)
        for (int severity = 0; severity <= SEVERITY_CRITICAL; severity++)
            if (!coverage->templates[type][severity])
                case_fault(report, "no case shows the response template of %s, %s",
                           vocabulary_word(&vocabulary_threat_type, type),
                           vocabulary_word(&vocabulary_severity, severity));
}

static void check_words(const struct case_coverage *coverage, struct case_report *report) {
    for (size_t row = 0; row < sizeof(word_rows) / sizeof(word_rows[0]); row++)
        for (int word = word_rows[row].from; word < word_rows[row].vocabulary->count; word++) {
            const char *wanted = vocabulary_word(word_rows[row].vocabulary, word);
            const json_t *seen = json_object_get(coverage->words, word_rows[row].member);
            if (json_object_get(seen, wanted) == NULL)
                case_fault(report, "no case shows %s %s", word_rows[row].member, wanted);
        }
}

static bool was_seen(const json_t *seen, const char *regex, struct case_report *report) {
    const char *text;
    json_t *ignored;
    json_object_foreach((json_t *)seen, text, ignored) {
        if (case_text_matches(regex, text, report))
            return true;
    }
    return false;
}

void case_coverage_check(const struct case_coverage *coverage, const json_t *must,
                         struct case_report *report) {
    const char *pointer;
    json_t *texts, *text;
    size_t i;
    check_templates(coverage, report);
    check_words(coverage, report);
    json_object_foreach((json_t *)must, pointer, texts) {
        json_array_foreach(texts, i, text) {
            if (!was_seen(json_object_get(coverage->texts, pointer), json_string_value(text), report))
                case_fault(report, "no case shows, below %s, a text like \"%s\"", pointer,
                           json_string_value(text));
        }
    }
}

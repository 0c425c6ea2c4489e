/* A history's text, as Redis holds it. What is read can be written and read to the same; counting and judging
 * a case keep it so. */
#include "shared/model/history.h"
#include "tests/fuzz/fuzz.h"

static bool same_case(const struct history_case *a, const struct history_case *b) {
    return strcmp(a->id, b->id) == 0 && a->created_at_ms == b->created_at_ms &&
           a->threat_type == b->threat_type && a->severity == b->severity && a->fp_milli == b->fp_milli &&
           a->verdict == b->verdict;
}

static void check_written(const struct history *history) {
    struct buffer out = BUFFER_EMPTY;
    struct history again;
    FUZZ_CHECK(history->recent_count <= HISTORY_RECENT_MAX);
    history_write(&out, history);
    FUZZ_CHECK(history_read(buffer_text(&out), &again));
    FUZZ_CHECK(again.total == history->total && again.false_positives == history->false_positives);
    FUZZ_CHECK(again.true_positives == history->true_positives && again.first_ms == history->first_ms);
    FUZZ_CHECK(again.last_ms == history->last_ms && again.recent_count == history->recent_count);
    for (unsigned i = 0; i < again.recent_count; i++)
        FUZZ_CHECK(same_case(&again.recent[i], &history->recent[i]));
    buffer_fini(&out);
}

static bool is_full(const struct history *history) {
    return history->total >= UINT64_C(1) << 53 || history->false_positives >= UINT64_C(1) << 53 ||
           history->true_positives >= UINT64_C(1) << 53;
}

static void check_changes(struct history *history) {
    struct history_case added = {.created_at_ms = FUZZ_NOW_MS, .severity = SEVERITY_HIGH};
    if (is_full(history))
        return;
    history_case_set_id(&added, TEXT_LITERAL("01993bb4-0000-7000-8000-000000000009"));
    history_add(history, &added);
    check_written(history);
    added.verdict = VERDICT_TRUE_POSITIVE;
    history_judge(history, &added, VERDICT_NONE);
    if (!is_full(history))
        check_written(history);
    history_keep_judged(history);
    FUZZ_CHECK(history->recent_count >= 1);
    for (unsigned i = 0; i < history->recent_count; i++)
        FUZZ_CHECK(history->recent[i].verdict != VERDICT_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct history history = {.total = 1};
    if (history_read(fuzz_text(data, size), &history)) {
        check_written(&history);
        check_changes(&history);
    } else {
        FUZZ_CHECK(history.total == 0 && history.recent_count == 0);
    }
    return 0;
}

#include "api/backlog/admission.h"

void admission_init(struct admission *admission, int64_t outstanding_limit, int64_t memory_limit_percent) {
    *admission = (struct admission){.outstanding_limit = outstanding_limit,
                                    .memory_limit_percent = memory_limit_percent};
}

void admission_ask(struct admission *admission) {
    admission->taken_before = admission->taken;
}

void admission_learn(struct admission *admission, int64_t outstanding) {
    admission->outstanding = outstanding;
    admission->taken -= admission->taken_before;
    admission->taken_before = 0;
}

int admission_memory_percent(const struct admission *admission) {
    return admission->max == 0 ? -1 : (int)((double)admission->used / (double)admission->max * 100);
}

void admission_learn_memory(struct admission *admission, int64_t used, int64_t max) {
    admission->used = used;
    admission->max = max;
    int percent = admission_memory_percent(admission);
    if (percent >= admission->memory_limit_percent)
        admission->memory_full = true;
    else if (percent < admission->memory_limit_percent - MEMORY_RELIEF_PERCENT)
        admission->memory_full = false;
}

void admission_count(struct admission *admission) {
    admission->taken++;
}

void admission_note_full(struct admission *admission) {
    admission->memory_full = true;
}

enum status admission_judge(const struct admission *admission) {
    if (admission->memory_full)
        return STATUS_NO_MEMORY;
    if (admission->outstanding + admission->taken >= admission->outstanding_limit)
        return STATUS_OVERLOADED;
    return STATUS_OK;
}

static void explain_memory(const struct admission *admission, struct buffer *out) {
    int percent = admission_memory_percent(admission);
    if (percent < admission->memory_limit_percent - MEMORY_RELIEF_PERCENT)
        buffer_append_string(out, "the store is out of memory");
    else
        buffer_printf(
            out,
            "%d %% of the store's memory is used, and from %lld %% on it is kept for what was taken before",
            percent, (long long)admission->memory_limit_percent);
    buffer_append_string(out, ". Analyses go on");
}

void admission_explain(const struct admission *admission, struct buffer *out) {
    enum status status = admission_judge(admission);
    if (status == STATUS_NO_MEMORY)
        explain_memory(admission, out);
    else if (status == STATUS_OVERLOADED)
        buffer_printf(out, "%lld threats wait, and at most %lld may",
                      (long long)(admission->outstanding + admission->taken),
                      (long long)admission->outstanding_limit);
}

#include "shared/model/print_model.h"

#include "shared/model/analysis.h"

struct limit_row {
    const char *name;
    int64_t value;
};

static const struct limit_row limits[] = {
    {"customer_id_max", SIGNAL_CUSTOMER_ID_MAX},
    {"customer_name_max", SIGNAL_CUSTOMER_NAME_MAX},
    {"user_agent_max_bytes", SIGNAL_USER_AGENT_MAX},
    {"request_count_max", SIGNAL_REQUEST_COUNT_MAX},
    {"time_window_minutes_max", SIGNAL_WINDOW_MINUTES_MAX},
    {"raw_data_max_bytes", SIGNAL_RAW_DATA_MAX},
    {"raw_data_max_depth", SIGNAL_RAW_DATA_DEPTH_MAX},
    {"signal_max_bytes", SIGNAL_BODY_MAX},
    {"future_max_ms", SIGNAL_FUTURE_MS_MAX},
    {"schema_version", ANALYSIS_SCHEMA_VERSION},
};

static void write_words(struct writer *writer, const struct vocabulary *vocabulary) {
    writer_key(writer, vocabulary->name);
    writer_open_array(writer);
    for (int i = 0; i < vocabulary->count; i++)
        writer_string(writer, vocabulary->words[i]);
    writer_close_array(writer);
}

bool print_model(FILE *out) {
    struct buffer text = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &text);
    writer_open_object(&writer);
    for (int i = 0; vocabulary_all[i] != NULL; i++)
        write_words(&writer, vocabulary_all[i]);
    writer_key(&writer, "limits");
    writer_open_object(&writer);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        writer_member_signed(&writer, limits[i].name, limits[i].value);
    writer_close_object(&writer);
    writer_close_object(&writer);
    buffer_append_char(&text, '\n');
    bool written = fwrite(text.at, 1, text.len, out) == text.len && fflush(out) == 0;
    buffer_fini(&text);
    return written;
}

#include "api/context/indicator_import.h"

static void write_text(struct writer *writer, const char *key, struct text text) {
    if (text.at != NULL)
        writer_member_text(writer, key, text);
}

/* What report and record have alike. */
static void write_head(struct writer *writer, const struct import_options *options) {
    writer_member_string(writer, "category", vocabulary_word(&vocabulary_intel_category, options->category));
    write_text(writer, "source", options->source);
    write_text(writer, "as_of", options->as_of);
    writer_member_signed(writer, "score", options->score);
    write_text(writer, "crawler", options->crawler);
}

void import_report_write(struct writer *writer, const struct indicator_import *import) {
    const struct import_options *options = &import->options;
    writer_open_object(writer);
    write_text(writer, "list", options->list);
    write_head(writer, options);
    writer_member_string(writer, "format", vocabulary_word(&vocabulary_import_format, (int)options->format));
    writer_member_signed(writer, "lines", import->lines);
    writer_member_signed(writer, "accepted", import->set.count);
    writer_member_signed(writer, "rejected", import->rejected);
    if (import->ignored > 0)
        writer_member_signed(writer, "ignored", import->ignored);
    writer_key(writer, "errors");
    writer_open_array(writer);
    if (import->errors.len > 0)
        writer_raw(writer, buffer_text(&import->errors));
    writer_close_array(writer);
    if (import->rejected > IMPORT_ERRORS_MAX)
        writer_member_signed(writer, "errors_omitted", import->rejected - IMPORT_ERRORS_MAX);
    writer_close_object(writer);
}

void import_metadata_write(struct writer *writer, const struct indicator_import *import) {
    writer_open_object(writer);
    write_head(writer, &import->options);
    writer_member_signed(writer, "rejected", import->rejected);
    writer_member_time(writer, "imported_at", import->now_ms);
    writer_close_object(writer);
}

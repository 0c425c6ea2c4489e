#include "shared/model/problem.h"

void problem_write_errors(struct writer *writer, const struct faults *faults, const char *member) {
    writer_open_array(writer);
    for (unsigned i = 0; i < faults->count; i++) {
        writer_open_object(writer);
        writer_member_text(writer, member, faults->rows[i].pointer);
        writer_member_text(writer, "detail", faults->rows[i].detail);
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

void problem_write(struct buffer *out, int http_status, const char *word, const char *title,
                   const char *detail, const struct faults *faults, const char *member) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_key(&writer, "type");
    buffer_append_string(out, "\"urn:soc:problem:");
    buffer_append_string(out, word);
    buffer_append_char(out, '"');
    writer.separate = true;
    writer_member_string(&writer, "title", title);
    writer_member_signed(&writer, "status", http_status);
    if (detail != NULL)
        writer_member_string(&writer, "detail", detail);
    if (faults != NULL) {
        writer_key(&writer, "errors");
        problem_write_errors(&writer, faults, member);
    }
    writer_close_object(&writer);
}

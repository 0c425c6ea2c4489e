/* A problem of HTTP (RFC 9457) as JSON, alike on both programs. */
#ifndef SOC_MODEL_PROBLEM_H
#define SOC_MODEL_PROBLEM_H

#include "shared/json/writer.h"
#include "shared/model/fault.h"

/* `detail` and `faults` may be NULL; `member` is "pointer" for bodies and "parameter" for queries. */
void problem_write(struct buffer *out, int http_status, const char *word, const char *title,
                   const char *detail, const struct faults *faults, const char *member);

/* `[{"pointer":…,"detail":…},…]` */
void problem_write_errors(struct writer *writer, const struct faults *faults, const char *member);

#endif

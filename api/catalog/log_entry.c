#include "api/catalog/log_entry.h"

#include <inttypes.h>
#include <stdio.h>

#include "shared/base/hash.h"

static uint64_t hash_of(struct text kind, struct text id, struct text line) {
    return (hash_text(kind) * 31 + hash_text(id)) * 31 + hash_text(line);
}

static struct text field(const redisReply *fields, const char *name) {
    struct text text = reply_text(reply_field(fields, name));
    return text.at == NULL ? TEXT_LITERAL("") : text;
}

bool log_entry_read(const redisReply *reply, struct log_entry *entry) {
    struct stream_id position;
    if (!reply_is_array(reply, 2) || !stream_id_parse(reply_text(reply->element[0]), &position))
        return false;
    const redisReply *fields = reply->element[1];
    struct text kind = field(fields, "kind"), id = field(fields, "id"), line = field(fields, "row");
    *entry = (struct log_entry){
        .position = position, .hash = hash_of(kind, id, line), .again = reply_field(fields, "again") != NULL};
    entry->readable = log_row_read(kind, id, line, &entry->row);
    return true;
}

void log_position_write(struct stream_id position, char out[LOG_POSITION_TEXT_MAX]) {
    snprintf(out, LOG_POSITION_TEXT_MAX, "%" PRIu64 "-%" PRIu64, position.ms, position.sequence);
}

#include "shared/redis/command.h"

#include <stdarg.h>

enum { HEADER_ROOM = 16 }; /* "*" + 10 digits + CR LF fits */

void command_fini(struct command *command) {
    buffer_fini(&command->bytes);
}

void command_begin_part(struct command *part) {
    buffer_clear(&part->bytes);
    buffer_reserve(&part->bytes, HEADER_ROOM);
    part->bytes.len = HEADER_ROOM;
    part->count = 0;
}

void command_begin(struct command *command, const char *verb) {
    command_begin_part(command);
    command_string(command, verb);
}

void command_join(struct command *command, const struct command *part) {
    buffer_append(&command->bytes, part->bytes.at + HEADER_ROOM, part->bytes.len - HEADER_ROOM);
    command->count += part->count;
}

void command_text(struct command *command, struct text argument) {
    struct buffer *out = &command->bytes;
    buffer_append_char(out, '$');
    buffer_append_unsigned(out, argument.len);
    char *at = buffer_reserve(out, argument.len + 4);
    memcpy(at, "\r\n", 2);
    if (argument.len > 0)
        memcpy(at + 2, argument.at, argument.len);
    memcpy(at + 2 + argument.len, "\r\n", 2);
    out->len += argument.len + 4;
    command->count++;
}

void command_string(struct command *command, const char *argument) {
    command_text(command, text_of(argument));
}

void command_signed(struct command *command, int64_t argument) {
    char digits[24];
    struct buffer number = {digits, 0, sizeof(digits)};
    buffer_append_signed(&number, argument);
    command_text(command, buffer_text(&number));
}

void command_words(struct command *command, ...) {
    va_list list;
    va_start(list, command);
    for (const char *word = va_arg(list, const char *); word != NULL; word = va_arg(list, const char *))
        command_string(command, word);
    va_end(list);
}

struct text command_finish(struct command *command) {
    char header[HEADER_ROOM];
    struct buffer line = {header, 0, sizeof(header)};
    buffer_append_char(&line, '*');
    buffer_append_unsigned(&line, command->count);
    buffer_append(&line, "\r\n", 2);
    command->start = HEADER_ROOM - line.len;
    memcpy(command->bytes.at + command->start, header, line.len);
    return (struct text){command->bytes.at + command->start, command->bytes.len - command->start};
}

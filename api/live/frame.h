/* Headers of the frames that a server sends: final, unmasked, no extension (RFC 6455 section 5.2). */
#ifndef SOC_API_FRAME_H
#define SOC_API_FRAME_H

#include <stddef.h>

#include "shared/base/buffer.h"

enum { FRAME_HEADER_MAX = 10, FRAME_CONTROL_BYTES_MAX = 125 };

enum frame_opcode {
    FRAME_TEXT = 0x1,
    FRAME_BINARY = 0x2,
    FRAME_CLOSE = 0x8,
    FRAME_PING = 0x9,
    FRAME_PONG = 0xa
};

/* Writes 2, 4 or 10 bytes and returns how many: always the shortest form, which the RFC requires. */
size_t frame_header_write(char *out, enum frame_opcode opcode, size_t payload_bytes);

void frame_append(struct buffer *out, enum frame_opcode opcode, struct text payload);

#endif

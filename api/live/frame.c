#include "api/live/frame.h"

#include <stdint.h>

enum { FINAL = 0x80, TWO_BYTES_FOLLOW = 126, EIGHT_BYTES_FOLLOW = 127 };

size_t frame_header_write(char *out, enum frame_opcode opcode, size_t payload_bytes) {
    unsigned char *header = (unsigned char *)out;
    unsigned length_bytes = 0;
    header[0] = (unsigned char)(FINAL | opcode);
    if (payload_bytes < TWO_BYTES_FOLLOW) {
        header[1] = (unsigned char)payload_bytes;
    } else if (payload_bytes <= UINT16_MAX) {
        header[1] = TWO_BYTES_FOLLOW;
        length_bytes = 2;
    } else {
        header[1] = EIGHT_BYTES_FOLLOW;
        length_bytes = 8;
    }
    for (unsigned i = 0; i < length_bytes; i++)
        header[2 + i] = (unsigned char)((uint64_t)payload_bytes >> 8 * (length_bytes - 1 - i));
    return 2 + length_bytes;
}

void frame_append(struct buffer *out, enum frame_opcode opcode, struct text payload) {
    char *at = buffer_reserve(out, FRAME_HEADER_MAX + payload.len);
    out->len += frame_header_write(at, opcode, payload.len);
    buffer_append_text(out, payload);
}

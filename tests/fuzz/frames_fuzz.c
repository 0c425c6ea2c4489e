/* The bytes of a WebSocket client, taken at once and in pieces: the owner hears the same messages, the
 * answers are the same frames, and the conversation ends alike. The first byte says whether binary is taken
 * and whether the owner sends back what it hears, the next two how the bytes are cut. */
#include "api/live/protocol.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_BYTES_MAX = 300, PIECE_MAX = 9, HEADER_MEDIUM = 126, HEADER_LONG = 127 };
enum { TAKES_BINARY = 1, ECHOES = 2, CLOSES = 4 };

struct talk {
    struct protocol protocol;
    unsigned options;
    struct buffer heard; /* frames of what the owner heard */
    struct buffer said;  /* everything that went out */
    struct buffer data, pongs, close;
};

static void on_message(void *owner, enum frame_opcode opcode, struct text payload) {
    struct talk *talk = owner;
    FUZZ_CHECK(payload.len <= (opcode == FRAME_PONG ? FRAME_CONTROL_BYTES_MAX : MESSAGE_BYTES_MAX));
    FUZZ_CHECK(opcode != FRAME_TEXT || utf8_valid(payload));
    FUZZ_CHECK(opcode != FRAME_BINARY || talk->protocol.takes_binary);
    frame_append(&talk->heard, opcode, payload);
    if ((talk->options & ECHOES) && opcode != FRAME_PONG)
        protocol_send(&talk->protocol, opcode, payload);
    if ((talk->options & CLOSES) && payload.len == 7)
        protocol_close(&talk->protocol, CLOSE_GOING_AWAY, "seven");
}

static void drain(struct talk *talk) {
    buffer_append_text(&talk->said, buffer_text(&talk->protocol.out));
    buffer_clear(&talk->protocol.out);
}

/* `cut` 0: as much at once as is taken. */
static void hear(struct talk *talk, struct text bytes, unsigned cut) {
    while (bytes.len > 0 && talk->protocol.peer == PEER_TALKING) {
        size_t piece = cut == 0 ? bytes.len : 1 + cut % PIECE_MAX;
        cut = cut == 0 ? 0 : cut * 1103515245u + 12345u;
        struct text offered = {bytes.at, piece < bytes.len ? piece : bytes.len};
        size_t taken = protocol_receive(&talk->protocol, offered);
        FUZZ_CHECK(taken > 0 && taken <= offered.len);
        FUZZ_CHECK(taken == offered.len || talk->protocol.peer != PEER_TALKING ||
                   talk->protocol.out.len >= PROTOCOL_OUT_MAX);
        bytes = (struct text){bytes.at + taken, bytes.len - taken};
        drain(talk);
    }
}

static size_t header_of(struct text frames, size_t *payload_bytes) {
    const unsigned char *at = (const unsigned char *)frames.at;
    FUZZ_CHECK(frames.len >= 2 && (at[1] & 0x80) == 0 && at[1] != HEADER_LONG);
    *payload_bytes = at[1];
    if (at[1] < HEADER_MEDIUM)
        return 2;
    FUZZ_CHECK(frames.len >= 4);
    *payload_bytes = (size_t)at[2] << 8 | at[3];
    FUZZ_CHECK(*payload_bytes >= HEADER_MEDIUM);
    return 4;
}

/* Sorts what was said: whole frames, and nothing behind a close frame. */
static void sort_frames(struct talk *talk) {
    struct text rest = buffer_text(&talk->said);
    while (rest.len > 0) {
        size_t payload_bytes, header = header_of(rest, &payload_bytes);
        FUZZ_CHECK(rest.len >= header + payload_bytes && talk->close.len == 0);
        unsigned first = (unsigned char)rest.at[0];
        FUZZ_CHECK(first == (0x80u | FRAME_TEXT) || first == (0x80u | FRAME_BINARY) ||
                   first == (0x80u | FRAME_PONG) || first == (0x80u | FRAME_CLOSE));
        struct buffer *kind = first == (0x80u | FRAME_PONG)    ? &talk->pongs
                              : first == (0x80u | FRAME_CLOSE) ? &talk->close
                                                               : &talk->data;
        buffer_append(kind, rest.at, header + payload_bytes);
        rest = (struct text){rest.at + header + payload_bytes, rest.len - header - payload_bytes};
    }
    FUZZ_CHECK((talk->close.len > 0) == talk->protocol.close_queued);
}

static void hold(struct talk *talk, unsigned options, struct text bytes, unsigned cut) {
    *talk = (struct talk){.options = options};
    protocol_init(&talk->protocol, on_message, talk);
    talk->protocol.message_bytes_max = MESSAGE_BYTES_MAX;
    talk->protocol.takes_binary = options & TAKES_BINARY;
    hear(talk, bytes, cut);
    sort_frames(talk);
    FUZZ_CHECK(talk->protocol.peer == PEER_TALKING || talk->protocol.close_queued);
}

static void release(struct talk *talk) {
    protocol_fini(&talk->protocol);
    buffer_fini(&talk->heard);
    buffer_fini(&talk->said);
    buffer_fini(&talk->data);
    buffer_fini(&talk->pongs);
    buffer_fini(&talk->close);
}

static bool begins_alike(const struct buffer *a, const struct buffer *b) {
    size_t len = a->len < b->len ? a->len : b->len;
    return len == 0 || memcmp(a->at, b->at, len) == 0;
}

/* Pongs that a close frame overtakes within one reading are lost: nobody waits for them any more. */
static void check_alike(const struct talk *whole, const struct talk *cut) {
    FUZZ_CHECK(whole->protocol.peer == cut->protocol.peer);
    FUZZ_CHECK(text_equal(buffer_text(&whole->heard), buffer_text(&cut->heard)));
    FUZZ_CHECK(text_equal(buffer_text(&whole->data), buffer_text(&cut->data)));
    FUZZ_CHECK(text_equal(buffer_text(&whole->close), buffer_text(&cut->close)));
    FUZZ_CHECK(begins_alike(&whole->pongs, &cut->pongs));
    FUZZ_CHECK(whole->protocol.close_queued ||
               text_equal(buffer_text(&whole->said), buffer_text(&cut->said)));
    FUZZ_CHECK((whole->protocol.parser == NULL) == (cut->protocol.parser == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct talk whole, cut;
    if (size < 3)
        return 0;
    struct text bytes = fuzz_text(data + 3, size - 3);
    hold(&whole, data[0], bytes, 0);
    hold(&cut, data[0], bytes, 1u + data[1] + 256u * data[2]);
    check_alike(&whole, &cut);
    release(&whole);
    release(&cut);
    return 0;
}

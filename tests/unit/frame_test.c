/* Frame headers, and the protocol side of a WebSocket that is made of them, without a socket. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/live/frame.h"
#include "api/live/protocol.h"

enum { LIMIT_SECONDS = 10, HEARD_MAX = 4096 };

TestSuite(frame, .timeout = LIMIT_SECONDS);
TestSuite(protocol, .timeout = LIMIT_SECONDS);

static const struct {
    size_t payload_bytes, header_bytes;
    unsigned char header[FRAME_HEADER_MAX];
} headers[] = {
    {0, 2, {0x81, 0}},
    {1, 2, {0x81, 1}},
    {125, 2, {0x81, 125}},
    {126, 4, {0x81, 126, 0, 126}},
    {65535, 4, {0x81, 126, 0xff, 0xff}},
    {65536, 10, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    {0x0102030405060708, 10, {0x81, 127, 1, 2, 3, 4, 5, 6, 7, 8}},
};

Test(frame, header_has_the_shortest_form) {
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char header[FRAME_HEADER_MAX] = {0};
        cr_assert_eq(frame_header_write(header, FRAME_TEXT, headers[i].payload_bytes),
                     headers[i].header_bytes);
        cr_assert_arr_eq(header, headers[i].header, headers[i].header_bytes, "row %zu", i);
    }
}

Test(frame, header_carries_the_opcode) {
    char header[FRAME_HEADER_MAX];
    frame_header_write(header, FRAME_PING, 0);
    cr_assert_eq((unsigned char)header[0], 0x89);
    frame_header_write(header, FRAME_CLOSE, 2);
    cr_assert_eq((unsigned char)header[0], 0x88);
}

Test(frame, append_puts_frames_behind_each_other) {
    struct buffer out = BUFFER_EMPTY;
    frame_append(&out, FRAME_TEXT, TEXT_LITERAL("Hello")); /* RFC 6455 section 5.7 */
    frame_append(&out, FRAME_PING, TEXT_NONE);
    cr_assert(text_equal(buffer_text(&out), TEXT_LITERAL("\x81\x05Hello\x89\x00")));
    buffer_fini(&out);
}

/* What a conversation heard: "t:hello b:… p:" */
struct listener {
    struct protocol protocol;
    char heard[HEARD_MAX];
    size_t heard_len;
    enum close_code close_on_message;
    bool echoes;
};

static void on_message(void *owner, enum frame_opcode opcode, struct text payload) {
    struct listener *listener = owner;
    char sign = opcode == FRAME_TEXT ? 't' : opcode == FRAME_BINARY ? 'b' : 'p';
    listener->heard_len +=
        (size_t)snprintf(listener->heard + listener->heard_len, HEARD_MAX - listener->heard_len, "%c:%.*s ",
                         sign, (int)payload.len, payload.at);
    if (listener->close_on_message != 0)
        protocol_close(&listener->protocol, listener->close_on_message, "enough");
    if (listener->echoes)
        protocol_send(&listener->protocol, opcode, payload);
}

static struct listener *listener_new(void) {
    struct listener *listener = calloc(1, sizeof(*listener));
    cr_assert_not_null(listener);
    protocol_init(&listener->protocol, on_message, listener);
    listener->protocol.message_bytes_max = 1024;
    return listener;
}

static void listener_free(struct listener *listener) {
    protocol_fini(&listener->protocol);
    free(listener);
}

/* A client's frame; the mask is 1, 2, 3, 4. */
static void append_client_frame(struct buffer *out, unsigned first_byte, struct text payload) {
    char header[FRAME_HEADER_MAX];
    size_t header_bytes = frame_header_write(header, FRAME_TEXT, payload.len);
    header[0] = (char)first_byte;
    header[1] |= (char)0x80;
    buffer_append(out, header, header_bytes);
    buffer_append(out, "\1\2\3\4", 4);
    for (size_t i = 0; i < payload.len; i++)
        buffer_append_char(out, (char)(payload.at[i] ^ (char)(1 + i % 4)));
}

static void feed(struct listener *listener, unsigned first_byte, const char *payload) {
    struct buffer bytes = BUFFER_EMPTY;
    append_client_frame(&bytes, first_byte, text_of(payload));
    cr_assert_eq(protocol_receive(&listener->protocol, buffer_text(&bytes)), bytes.len);
    buffer_fini(&bytes);
}

static bool said(const struct listener *listener, const char *bytes, size_t len) {
    return text_equal(buffer_text(&listener->protocol.out), (struct text){bytes, len});
}

Test(protocol, holds_a_parser_only_while_something_is_incomplete) {
    struct listener *listener = listener_new();
    struct buffer bytes = BUFFER_EMPTY;
    append_client_frame(&bytes, 0x01, TEXT_LITERAL("one "));
    append_client_frame(&bytes, 0x89, TEXT_LITERAL("?"));
    append_client_frame(&bytes, 0x80, TEXT_LITERAL("two"));
    size_t message_end = bytes.len;
    append_client_frame(&bytes, 0x8a, TEXT_NONE);
    for (size_t i = 0; i < bytes.len; i++) {
        protocol_receive(&listener->protocol, (struct text){bytes.at + i, 1});
        bool whole = i + 1 == message_end || i + 1 == bytes.len;
        cr_assert_eq(listener->protocol.parser == NULL, whole, "byte %zu", i);
    }
    cr_assert_str_eq(listener->heard, "t:one two p: ");
    cr_assert(said(listener, "\x8a\x01?", 3));
    buffer_fini(&bytes);
    listener_free(listener);
}

Test(protocol, refuses_binary_unless_asked_to) {
    struct listener *listener = listener_new();
    feed(listener, 0x82, "x");
    cr_assert(said(listener, "\x88\x02\x03\xeb", 4)); /* 1003 */
    cr_assert_eq(listener->protocol.peer, PEER_BROKEN);
    cr_assert_str_eq(listener->heard, "");
    listener_free(listener);

    listener = listener_new();
    listener->protocol.takes_binary = true;
    feed(listener, 0x82, "x");
    cr_assert_str_eq(listener->heard, "b:x ");
    cr_assert_eq(listener->protocol.peer, PEER_TALKING);
    listener_free(listener);
}

static const struct {
    const char *name, *bytes;
    size_t len;
    unsigned code;
} faults[] = {
    {"unmasked", "\x81\x01x", 3, CLOSE_PROTOCOL_ERROR},
    {"reserved bit", "\xc1\x81\0\0\0\0x", 7, CLOSE_PROTOCOL_ERROR},
    {"reserved opcode", "\x83\x80\0\0\0\0", 6, CLOSE_PROTOCOL_ERROR},
    {"long control frame", "\x89\xfe\x00\x7e\0\0\0\0", 8, CLOSE_PROTOCOL_ERROR},
    {"half a close code", "\x88\x81\0\0\0\0\x03", 7, CLOSE_PROTOCOL_ERROR},
    {"bad UTF-8", "\x81\x81\0\0\0\0\xff", 7, CLOSE_BAD_TEXT},
    {"too long", "\x81\xfe\x04\x01\0\0\0\0x", 9, CLOSE_TOO_BIG},
};

Test(protocol, names_the_fault_in_its_close_frame) {
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct listener *listener = listener_new();
        protocol_receive(&listener->protocol, (struct text){faults[i].bytes, faults[i].len});
        char expected[4] = {(char)0x88, 2, (char)(faults[i].code >> 8), (char)(faults[i].code & 0xff)};
        cr_assert(said(listener, expected, sizeof(expected)), "%s", faults[i].name);
        cr_assert_eq(listener->protocol.peer, PEER_BROKEN, "%s", faults[i].name);
        cr_assert(listener->protocol.close_queued, "%s", faults[i].name);
        cr_assert_eq(protocol_receive(&listener->protocol, TEXT_LITERAL("\x81")), 0, "%s", faults[i].name);
        listener_free(listener);
    }
}

Test(protocol, bounds_the_crumbs_of_a_message) {
    struct listener *listener = listener_new();
    feed(listener, 0x01, "");
    size_t crumbs = 0;
    while (listener->protocol.peer == PEER_TALKING && crumbs++ < 10000)
        feed(listener, 0x00, "");
    cr_assert_eq(crumbs, 1024 / 16 + 1);
    cr_assert(said(listener, "\x88\x02\x03\xf1", 4)); /* 1009 */
    listener_free(listener);
}

Test(protocol, says_nothing_after_its_close_frame) {
    struct listener *listener = listener_new();
    listener->close_on_message = CLOSE_GOING_AWAY;
    listener->echoes = true;
    struct buffer bytes = BUFFER_EMPTY;
    append_client_frame(&bytes, 0x81, TEXT_LITERAL("first"));
    append_client_frame(&bytes, 0x81, TEXT_LITERAL("second"));
    append_client_frame(&bytes, 0x89, TEXT_LITERAL("ping"));
    protocol_receive(&listener->protocol, buffer_text(&bytes));
    protocol_close(&listener->protocol, CLOSE_NORMAL, NULL);
    cr_assert_str_eq(listener->heard, "t:first ");
    cr_assert(said(listener,
                   "\x88\x08\x03\xe9"
                   "enough",
                   10));
    cr_assert_eq(listener->protocol.peer, PEER_TALKING);
    feed(listener, 0x88, "\x03\xe9");
    cr_assert_eq(listener->protocol.peer, PEER_CLOSED);
    cr_assert_null(listener->protocol.parser);
    buffer_fini(&bytes);
    listener_free(listener);
}

Test(protocol, says_its_close_though_what_follows_at_once_is_broken) {
    struct listener *listener = listener_new();
    listener->close_on_message = CLOSE_GOING_AWAY;
    struct buffer bytes = BUFFER_EMPTY;
    append_client_frame(&bytes, 0x81, TEXT_LITERAL("first"));
    buffer_append(&bytes, "\x83\x80\0\0\0\0", 6); /* a reserved opcode */
    protocol_receive(&listener->protocol, buffer_text(&bytes));
    cr_assert(said(listener,
                   "\x88\x08\x03\xe9"
                   "enough",
                   10));
    cr_assert_eq(listener->protocol.peer, PEER_BROKEN);
    buffer_fini(&bytes);
    listener_free(listener);
}

static const struct {
    const char *reason;
    unsigned code;
} close_reasons[] = {
    {"\x03\xe8gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x94\xa5", CLOSE_NORMAL},
    {"\x03\xe8good\xff\xfe", CLOSE_BAD_TEXT},
    {"\x03\xe8half \xc3", CLOSE_BAD_TEXT},
    {"\x03\xed", CLOSE_PROTOCOL_ERROR}, /* 1005 is never sent */
};

static unsigned code_said(const struct listener *listener) {
    const unsigned char *out = (const unsigned char *)listener->protocol.out.at;
    cr_assert_geq(listener->protocol.out.len, 4);
    cr_assert_eq(out[0], 0x88);
    return (unsigned)out[2] << 8 | out[3];
}

Test(protocol, judges_a_close_frame_alike_wherever_it_is_cut) {
    for (size_t i = 0; i < sizeof(close_reasons) / sizeof(close_reasons[0]); i++) {
        struct buffer bytes = BUFFER_EMPTY;
        append_client_frame(&bytes, 0x01, TEXT_LITERAL("begun"));
        append_client_frame(&bytes, 0x88, text_of(close_reasons[i].reason));
        for (size_t cut = 1; cut < bytes.len; cut++) {
            struct listener *listener = listener_new();
            size_t taken = protocol_receive(&listener->protocol, (struct text){bytes.at, cut});
            protocol_receive(&listener->protocol, (struct text){bytes.at + taken, bytes.len - taken});
            cr_assert_eq(code_said(listener), close_reasons[i].code, "%zu cut at %zu", i, cut);
            cr_assert_eq(listener->protocol.peer,
                         close_reasons[i].code == CLOSE_NORMAL ? PEER_CLOSED : PEER_BROKEN);
            listener_free(listener);
        }
        buffer_fini(&bytes);
    }
}

Test(protocol, takes_any_close_frame_as_the_answer_to_its_own) {
    struct listener *listener = listener_new();
    protocol_close(&listener->protocol, CLOSE_TRY_LATER, "slow");
    feed(listener, 0x88, "\x03\xf5"); /* 1013, which wslay does not know */
    cr_assert_eq(listener->protocol.peer, PEER_CLOSED);
    cr_assert(said(listener, "\x88\x06\x03\xf5slow", 8));
    listener_free(listener);
}

Test(protocol, puts_a_pong_before_the_answer_to_what_came_behind_its_ping) {
    struct listener *listener = listener_new();
    struct buffer bytes = BUFFER_EMPTY;
    listener->echoes = true;
    append_client_frame(&bytes, 0x01, TEXT_LITERAL("one "));
    append_client_frame(&bytes, 0x89, TEXT_LITERAL("?"));
    append_client_frame(&bytes, 0x80, TEXT_LITERAL("two"));
    append_client_frame(&bytes, 0x89, TEXT_LITERAL("!"));
    cr_assert_eq(protocol_receive(&listener->protocol, buffer_text(&bytes)), bytes.len);
    cr_assert(said(listener, "\x8a\x01?\x81\x07one two\x8a\x01!", 15));
    buffer_fini(&bytes);
    listener_free(listener);
}

Test(protocol, stops_listening_while_nobody_takes_its_answers) {
    struct listener *listener = listener_new();
    struct buffer flood = BUFFER_EMPTY;
    for (unsigned i = 0; i < 200000; i++)
        append_client_frame(&flood, 0x89, TEXT_NONE);
    size_t at = 0, pongs = 0, rounds = 0;
    while (at < flood.len) {
        size_t taken = protocol_receive(&listener->protocol, (struct text){flood.at + at, flood.len - at});
        cr_assert_gt(taken, 0);
        cr_assert_lt(listener->protocol.out.len, 2 * PROTOCOL_OUT_MAX);
        at += taken;
        pongs += listener->protocol.out.len / 2;
        listener->protocol.out.len = 0;
        rounds++;
    }
    cr_assert_eq(pongs, 200000);
    cr_assert_gt(rounds, 3);
    buffer_fini(&flood);
    listener_free(listener);
}

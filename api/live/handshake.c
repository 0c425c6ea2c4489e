#include "api/live/handshake.h"

#include <openssl/sha.h>

enum { KEY_CHARACTERS = 24, KEY_PADDING = 2, HTTP_1_1 = 0x101, HTTP_2 = 0x200 };

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */

static struct text text_of_iovec(h2o_iovec_t vector) {
    return (struct text){vector.base, vector.len};
}

/* The header's value when it is there exactly once. */
static bool find_once(const h2o_req_t *req, const char *name, struct text *value) {
    ssize_t at = h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
    if (at == -1 || h2o_find_header_by_str(&req->headers, name, strlen(name), at) != -1)
        return false;
    *value = text_of_iovec(req->headers.entries[at].value);
    return true;
}

static bool is_upgrade_to_websocket(const h2o_req_t *req) {
    struct text version;
    return text_is(text_of_iovec(req->method), "GET") && req->version >= HTTP_1_1 && req->version < HTTP_2 &&
           req->upgrade.base != NULL &&
           h2o_contains_token(req->upgrade.base, req->upgrade.len, H2O_STRLIT("websocket"), ',') &&
           find_once(req, "sec-websocket-version", &version) && text_is(version, "13");
}

static bool is_base64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool is_key(struct text key) {
    if (key.len != KEY_CHARACTERS)
        return false;
    for (size_t i = 0; i < KEY_CHARACTERS - KEY_PADDING; i++)
        if (!is_base64(key.at[i]))
            return false;
    return key.at[KEY_CHARACTERS - 2] == '=' && key.at[KEY_CHARACTERS - 1] == '=';
}

enum status handshake_check(const h2o_req_t *req, struct text *key) {
    struct text value;
    if (!is_upgrade_to_websocket(req))
        return STATUS_UPGRADE_REQUIRED;
    if (!find_once(req, "sec-websocket-key", &value) || !is_key(value))
        return STATUS_MALFORMED;
    *key = value;
    return STATUS_OK;
}

void handshake_respond(h2o_req_t *req, struct text key) {
    unsigned char source[KEY_CHARACTERS + sizeof(GUID) - 1], digest[SHA_DIGEST_LENGTH];
    memcpy(source, key.at, KEY_CHARACTERS);
    memcpy(source + KEY_CHARACTERS, GUID, sizeof(GUID) - 1);
    SHA1(source, sizeof(source), digest);
    char *accept = h2o_mem_alloc_pool(&req->pool, h2o_base64_encode_capacity(sizeof(digest)));
    size_t accept_len = h2o_base64_encode(accept, digest, sizeof(digest), 0);
    req->res.status = 101;
    req->res.reason = "Switching Protocols";
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_UPGRADE, NULL, H2O_STRLIT("websocket"));
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("sec-websocket-accept"), 0, NULL, accept,
                          accept_len);
}

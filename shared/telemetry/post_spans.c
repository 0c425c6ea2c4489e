#include "shared/telemetry/post_spans.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "shared/base/buffer.h"

enum { CONNECT_TIMEOUT_MS = 2000, ANSWER_MAX = 4096, RETRY_AFTER_MAX_S = 30 };

struct poster {
    CURL *curl;
    struct curl_slist *headers;
    struct buffer url;
    struct buffer answer; /* its beginning */
    bool (*give_up)(void *arg);
    void *arg;
};

static size_t on_answer(char *bytes, size_t size, size_t count, void *arg) {
    struct poster *poster = arg;
    size_t room = ANSWER_MAX - poster->answer.len, len = size * count;
    buffer_append(&poster->answer, bytes, len < room ? len : room);
    return len;
}

static int on_progress(void *arg, curl_off_t down, curl_off_t downloaded, curl_off_t up,
                       curl_off_t uploaded) {
    const struct poster *poster = arg;
    (void)down;
    (void)downloaded;
    (void)up;
    (void)uploaded;
    return poster->give_up(poster->arg);
}

/* The collector is a neighbour: no proxy, no redirection. */
static void configure(struct poster *poster) {
    CURL *curl = poster->curl;
    curl_easy_setopt(curl, CURLOPT_URL, poster->url.at);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "soc-agent-system/" SOC_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, poster->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, poster);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, poster);
}

struct poster *poster_new(const char *endpoint, bool (*give_up)(void *arg), void *arg) {
    struct poster *poster = calloc(1, sizeof(*poster));
    struct text base = text_of(endpoint);
    if (poster == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
        (poster->curl = curl_easy_init()) == NULL)
        abort();
    while (base.len > 0 && base.at[base.len - 1] == '/')
        base.len--;
    buffer_append_text(&poster->url, base);
    buffer_append(&poster->url, "/v1/traces", sizeof("/v1/traces"));
    poster->headers = curl_slist_append(NULL, "Content-Type: application/json");
    poster->headers = curl_slist_append(poster->headers, "Expect:");
    poster->give_up = give_up;
    poster->arg = arg;
    configure(poster);
    return poster;
}

void poster_free(struct poster *poster) {
    if (poster == NULL)
        return;
    curl_easy_cleanup(poster->curl);
    curl_slist_free_all(poster->headers);
    buffer_fini(&poster->url);
    buffer_fini(&poster->answer);
    free(poster);
    curl_global_cleanup();
}

enum post_outcome post_outcome_of(long http_status) {
    if (http_status >= 200 && http_status < 300)
        return POST_TAKEN;
    return http_status == 429 || (http_status >= 502 && http_status <= 504) ? POST_TRY_AGAIN : POST_REFUSED;
}

uint64_t post_rejected(struct text answer) {
    static const char key[] = "\"rejectedSpans\"";
    const char *at = memmem(answer.at, answer.len, key, sizeof(key) - 1), *end = answer.at + answer.len;
    if (at == NULL)
        return 0;
    for (at += sizeof(key) - 1; at < end && strchr(": \t\r\n\"", *at) != NULL && *at != '\0';)
        at++;
    struct text digits = {at, 0};
    while (at + digits.len < end && at[digits.len] >= '0' && at[digits.len] <= '9')
        digits.len++;
    unsigned long long count;
    return text_to_unsigned(digits, INT64_MAX, &count) ? count : 0;
}

static int64_t retry_after_ms(CURL *curl) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    return 1000 * (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
}

void post_spans(struct poster *poster, struct text body, int64_t timeout_ms, struct post_result *result) {
    CURL *curl = poster->curl;
    buffer_clear(&poster->answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    CURLcode code = curl_easy_perform(curl);
    *result = (struct post_result){.outcome = POST_TRY_AGAIN, .why = curl_easy_strerror(code)};
    if (code != CURLE_OK)
        return;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result->http_status);
    result->outcome = post_outcome_of(result->http_status);
    result->retry_after_ms = retry_after_ms(curl);
    result->rejected = post_rejected(buffer_text(&poster->answer));
}

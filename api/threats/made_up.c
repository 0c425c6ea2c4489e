#include "api/threats/made_up.h"

#include <jansson.h>

#include "shared/base/address.h"
#include "shared/model/vocabulary.h"

/* What a type's traffic tends to look like; addresses come from the documentation ranges of RFC 5737 and
 * RFC 3849, so that nobody real is accused. */
struct sketch {
    const char *user_agent; /* NULL: none is sent */
    int count_min, count_max;
    int window_min, window_max; /* minutes */
    const char *raw_data;
};

static const struct sketch sketches[THREAT_TYPE_COUNT] = {
    [THREAT_BOT_TRAFFIC] = {"python-requests/2.31.0", 800, 9000, 5, 30,
                            "{\"service\":\"http\",\"distinct_paths\":240,\"errors\":31}"},
    [THREAT_CREDENTIAL_STUFFING] =
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", 400, 6000, 5, 20,
         "{\"service\":\"http\",\"sample_paths\":[\"/login\"],\"distinct_usernames\":912,\"errors\":880}"},
    [THREAT_ACCOUNT_TAKEOVER] =
        {"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", 3, 60, 10, 60,
         "{\"service\":\"http\",\"sample_paths\":[\"/account/password\"],\"distinct_usernames\":1}"},
    [THREAT_DATA_SCRAPING] = {"Scrapy/2.11 (+https://scrapy.org)", 2000, 20000, 10, 120,
                              "{\"service\":\"http\",\"distinct_paths\":4100,\"errors\":12}"},
    [THREAT_GEO_ANOMALY] = {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148", 1, 20, 30,
                            240, "{\"service\":\"http\",\"sample_paths\":[\"/login\"]}"},
    [THREAT_RATE_LIMIT_BREACH] = {"okhttp/4.12.0", 1500, 30000, 1, 10,
                                  "{\"service\":\"http\",\"distinct_paths\":3,\"errors\":0}"},
    [THREAT_BRUTE_FORCE] =
        {NULL, 200, 4000, 5, 60,
         "{\"service\":\"ssh\",\"usernames\":[\"root\",\"admin\"],\"distinct_usernames\":2}"},
    [THREAT_PROXY_NETWORK] = {"Mozilla/5.0 (Windows NT 10.0; rv:115.0) Gecko/20100101 Firefox/115.0", 50, 900,
                              10, 60, "{\"service\":\"http\",\"distinct_paths\":18}"},
    [THREAT_DEVICE_COMPROMISE] = {"Mozilla/5.0 (Linux; Android 12) Mobile Safari/537.36", 20, 400, 15, 180,
                                  "{\"service\":\"http\",\"distinct_paths\":9}"},
    [THREAT_ANOMALY_DETECTION] = {"curl/8.5.0", 30, 2500, 5, 120,
                                  "{\"service\":\"http\",\"distinct_paths\":33,\"errors\":9}"},
};

static const char *const customers[][2] = {
    {"acme-retail", "Acme Retail"},
    {"globex-bank", "Globex Bank"},
    {"initech", "Initech"},
    {"umbrella-health", "Umbrella Health"},
};

static unsigned draw(struct uuid_source *random, int64_t now_ms, unsigned below) {
    struct uuid bits = uuid_next(random, now_ms);
    return (unsigned)(bits.bytes[12] << 16 | bits.bytes[13] << 8 | bits.bytes[14]) % below;
}

static void fill(json_t *object, const char *name, json_t *value) {
    if (json_object_get(object, name) == NULL)
        json_object_set_new(object, name, value);
    else
        json_decref(value);
}

static void fill_customer(json_t *object, unsigned which) {
    if (json_object_get(object, "customer_id") == NULL && json_object_get(object, "customer_name") != NULL)
        fill(object, "customer_id", json_string("demo"));
    fill(object, "customer_id", json_string(customers[which][0]));
    fill(object, "customer_name", json_string(customers[which][1]));
}

char *made_up_signal(struct text json, struct uuid_source *random, int64_t now_ms) {
    static const char *const networks[] = {"192.0.2", "198.51.100", "203.0.113"}; /* RFC 5737 */
    json_t *object = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
    const char *word = json_string_value(json_object_get(object, "threat_type"));
    int type = word == NULL ? -1 : vocabulary_find(&vocabulary_threat_type, text_of(word));
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    /* A type that is wrong or missing stays so: it is then the only fault that is told. */
    const struct sketch *sketch = &sketches[type < 0 ? THREAT_ANOMALY_DETECTION : type];
    unsigned spread = (unsigned)(sketch->count_max - sketch->count_min + 1);
    unsigned minutes = (unsigned)(sketch->window_max - sketch->window_min + 1);
    fill_customer(object, draw(random, now_ms, sizeof(customers) / sizeof(customers[0])));
    fill(object, "source_ip",
         json_sprintf("%s.%u", networks[draw(random, now_ms, 3)], 1 + draw(random, now_ms, 254)));
    fill(object, "request_count", json_integer(sketch->count_min + (json_int_t)draw(random, now_ms, spread)));
    fill(object, "time_window_minutes",
         json_integer(sketch->window_min + (json_int_t)draw(random, now_ms, minutes)));
    fill(object, "user_agent", sketch->user_agent == NULL ? json_null() : json_string(sketch->user_agent));
    fill(object, "raw_data", json_loads(sketch->raw_data, 0, NULL));
    char *out = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return out;
}

/* ThreatSignal: what a detection system reports. The limits are the contract's (README, schemas/signal). */
#ifndef SOC_MODEL_SIGNAL_H
#define SOC_MODEL_SIGNAL_H

#include <stdint.h>

#include "shared/base/address.h"
#include "shared/base/arena.h"
#include "shared/base/status.h"
#include "shared/json/writer.h"
#include "shared/model/fault.h"
#include "shared/model/vocabulary.h"

enum {
    SIGNAL_CUSTOMER_ID_MAX = 64,    /* bytes, all ASCII */
    SIGNAL_CUSTOMER_NAME_MAX = 200, /* characters (code points) */
    SIGNAL_USER_AGENT_MAX = 1024,   /* bytes of UTF-8 */
    SIGNAL_WINDOW_MINUTES_MAX = 10080,
    SIGNAL_RAW_DATA_MAX = 16 * 1024, /* bytes as sent */
    SIGNAL_RAW_DATA_DEPTH_MAX = 16,
    SIGNAL_FUTURE_MS_MAX = 5 * 60 * 1000,
    SIGNAL_BODY_MAX = 64 * 1024 /* bytes of one signal as sent */
};

#define SIGNAL_REQUEST_COUNT_MAX INT64_C(1000000000000)

/* Texts borrow from the JSON that was read and from the arena: both must live as long. */
struct signal {
    enum threat_type threat_type;
    struct text customer_id;
    struct text customer_name;
    struct address source_ip;
    struct text user_agent; /* at == NULL: null or absent */
    int64_t request_count;
    int64_t time_window_minutes;
    int64_t detected_at_ms;
    struct text raw_data; /* a JSON object without blanks between tokens; at == NULL: absent */
};

/* 1 to SIGNAL_CUSTOMER_ID_MAX of A-Z a-z 0-9 . _ - */
bool signal_customer_id_fits(struct text id);

/* Reads and checks one signal. `json` must be one JSON object and nothing behind it. STATUS_INVALID: every
 * broken rule is in `faults`, bytes that are no JSON among them (pointer ""). `now_ms` is the time of
 * receipt: the default of detected_at and the measure of "in the future". */
enum status signal_read(struct text json, int64_t now_ms, struct arena *arena, struct signal *signal,
                        struct faults *faults);

/* Reads a signal that was checked before (a stream entry): same rules, except that detected_at may lie in
 * the future, since clocks differ. */
enum status signal_read_stored(struct text json, struct arena *arena, struct signal *signal,
                               struct faults *faults);

/* Writes the canonical JSON: fields in the order above, absent ones left out. */
void signal_write(struct writer *writer, const struct signal *signal);

#endif

#include "api/catalog/catalog_rows.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64, MS_PER_MINUTE = 60000 };

const struct stats *catalog_stats(const struct catalog *catalog) {
    return &catalog->stats;
}

void stats_fini(struct stats *stats) {
    free(stats->minutes);
    *stats = (struct stats){0};
}

size_t stats_bytes(const struct stats *stats) {
    return stats->minute_room * sizeof(struct minute_count);
}

static uint32_t minute_of(int64_t ms) {
    int64_t minute = ms / MS_PER_MINUTE;
    return minute < 0 ? 0 : minute > UINT32_MAX ? UINT32_MAX : (uint32_t)minute;
}

/* The first minute that is not before `minute`; most rows are of the newest one. */
static uint32_t find_minute(const struct stats *stats, uint32_t minute) {
    uint32_t low = 0, high = stats->minute_count;
    if (high > 0 && stats->minutes[high - 1].minute <= minute)
        return stats->minutes[high - 1].minute == minute ? high - 1 : high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (stats->minutes[middle].minute < minute)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void resize_minutes(struct stats *stats, uint32_t room) {
    struct minute_count *minutes = realloc(stats->minutes, room * sizeof(*minutes));
    if (minutes == NULL)
        abort();
    stats->minutes = minutes;
    stats->minute_room = room;
}

static void count_in(struct stats *stats, uint32_t minute) {
    uint32_t at = find_minute(stats, minute);
    if (at == stats->minute_count || stats->minutes[at].minute != minute) {
        if (stats->minute_count == stats->minute_room)
            resize_minutes(stats, stats->minute_room + stats->minute_room / 4 + FIRST_ROOM);
        struct minute_count *place = &stats->minutes[at];
        memmove(place + 1, place, (stats->minute_count - at) * sizeof(*place));
        *place = (struct minute_count){minute, 0};
        stats->minute_count++;
    } else if (stats->minutes[at].count == 0) {
        stats->minutes_empty--;
    }
    stats->minutes[at].count++;
}

static void drop_empty_minutes(struct stats *stats) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stats->minute_count; i++)
        if (stats->minutes[i].count > 0)
            stats->minutes[kept++] = stats->minutes[i];
    stats->minute_count = kept;
    stats->minutes_empty = 0;
    if (stats->minute_room > 2 * kept + 2 * FIRST_ROOM)
        resize_minutes(stats, kept + FIRST_ROOM);
}

/* Empty minutes are dropped together, once they are a quarter: leaving one by one at the old end stays cheap.
 */
static void count_out(struct stats *stats, uint32_t minute) {
    struct minute_count *place = &stats->minutes[find_minute(stats, minute)];
    if (--place->count > 0)
        return;
    stats->minutes_empty++;
    if (stats->minutes_empty > stats->minute_count / 4 + FIRST_ROOM / 2)
        drop_empty_minutes(stats);
}

void stats_count(struct stats *stats, const struct row_face *face, int by) {
    uint64_t one = (uint64_t)(int64_t)by;
    enum threat_status status = mark_status(face->marks);
    enum verdict verdict = mark_verdict(face->marks);
    stats->total += one;
    stats->by_severity[mark_severity(face->marks)] += one;
    stats->by_status[status] += one;
    stats->by_type[mark_type(face->marks)] += one;
    stats->verdicts[verdict] += one;
    if (status == THREAT_COMPLETED && mark_review(face->marks) && verdict == VERDICT_NONE)
        stats->requires_review += one;
    (by > 0 ? count_in : count_out)(stats, minute_of(face->created_at_ms));
}

uint32_t stats_in_minute(const struct stats *stats, uint32_t minute) {
    uint32_t at = find_minute(stats, minute);
    return at < stats->minute_count && stats->minutes[at].minute == minute ? stats->minutes[at].count : 0;
}

static void write_counts(struct writer *writer, const char *key, const struct vocabulary *vocabulary,
                         int from, const uint64_t *counts) {
    writer_key(writer, key);
    writer_open_object(writer);
    for (int i = from; i < vocabulary->count; i++) {
        writer_key(writer, vocabulary_word(vocabulary, i));
        writer_unsigned(writer, counts[i]);
    }
    writer_close_object(writer);
}

/* The counts of the `count` minutes that end with `newest`; minutes before 1970 are empty. */
static void write_minutes(struct writer *writer, const char *key, const struct stats *stats, uint32_t newest,
                          uint32_t count) {
    uint32_t at = find_minute(stats, newest < count ? 0 : newest - count + 1);
    writer_key(writer, key);
    writer_open_array(writer);
    for (uint32_t ago = count; ago-- > 0;) {
        bool present = ago <= newest && at < stats->minute_count && stats->minutes[at].minute == newest - ago;
        writer_unsigned(writer, present ? stats->minutes[at].count : 0);
        at += present;
    }
    writer_close_array(writer);
}

void stats_write(struct writer *writer, const struct stats *stats, int64_t now_ms) {
    uint32_t newest = minute_of(now_ms);
    writer_open_object(writer);
    writer_key(writer, "total");
    writer_unsigned(writer, stats->total);
    write_counts(writer, "by_severity", &vocabulary_severity, 0, stats->by_severity);
    write_counts(writer, "by_status", &vocabulary_threat_status, 0, stats->by_status);
    write_counts(writer, "by_threat_type", &vocabulary_threat_type, 0, stats->by_type);
    writer_key(writer, "requires_review");
    writer_unsigned(writer, stats->requires_review);
    write_counts(writer, "verdicts", &vocabulary_verdict, VERDICT_FALSE_POSITIVE, stats->verdicts);
    writer_key(writer, "per_minute");
    writer_open_object(writer);
    write_minutes(writer, "last_hour", stats, newest, STATS_HOUR_MINUTES);
    write_minutes(writer, "last_day", stats, newest, STATS_DAY_MINUTES);
    writer_member_time(writer, "newest_minute", (int64_t)newest * MS_PER_MINUTE);
    writer_close_object(writer);
    writer_close_object(writer);
}

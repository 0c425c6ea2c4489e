#include "shared/base/rfc3339.h"

enum { SECONDS_PER_DAY = 86400, MS_PER_DAY = 86400000, DAYS_PER_ERA = 146097 };

/* Days since 1970-01-01 of a proleptic Gregorian date; eras of 400 years that start on 1 March. */
static int64_t days_of(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + (int64_t)day_of_era - 719468;
}

static unsigned days_in_month(unsigned year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

struct scan {
    const char *at, *end;
    bool bad;
};

static unsigned take_digits(struct scan *scan, int count) {
    unsigned value = 0;
    for (; count > 0; count--) {
        if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9') {
            scan->bad = true;
            return 0;
        }
        value = value * 10 + (unsigned)(*scan->at++ - '0');
    }
    return value;
}

static char take_one_of(struct scan *scan, const char *set) {
    if (scan->at == scan->end || strchr(set, *scan->at) == NULL || *scan->at == '\0') {
        scan->bad = true;
        return '\0';
    }
    return *scan->at++;
}

static unsigned take_fraction_ms(struct scan *scan) {
    if (scan->at == scan->end || *scan->at != '.')
        return 0;
    scan->at++;
    unsigned ms = 0, weight = 100;
    const char *start = scan->at;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
        ms += weight * (unsigned)(*scan->at - '0');
        weight /= 10;
    }
    scan->bad |= scan->at == start;
    return ms;
}

static int64_t take_offset_ms(struct scan *scan) {
    char sign = take_one_of(scan, "Zz+-");
    if (sign == 'Z' || sign == 'z' || scan->bad)
        return 0;
    unsigned hours = take_digits(scan, 2);
    take_one_of(scan, ":");
    unsigned minutes = take_digits(scan, 2);
    scan->bad |= hours > 23 || minutes > 59;
    int64_t ms = ((int64_t)hours * 60 + minutes) * 60000;
    return sign == '-' ? -ms : ms;
}

bool rfc3339_parse(struct text text, int64_t *ms) {
    if (text.len == 0)
        return false;
    struct scan scan = {text.at, text.at + text.len, false};
    unsigned year = take_digits(&scan, 4);
    take_one_of(&scan, "-");
    unsigned month = take_digits(&scan, 2);
    take_one_of(&scan, "-");
    unsigned day = take_digits(&scan, 2);
    take_one_of(&scan, "Tt ");
    unsigned hour = take_digits(&scan, 2);
    take_one_of(&scan, ":");
    unsigned minute = take_digits(&scan, 2);
    take_one_of(&scan, ":");
    unsigned second = take_digits(&scan, 2);
    unsigned fraction = take_fraction_ms(&scan);
    int64_t offset = take_offset_ms(&scan);
    if (scan.bad || scan.at != scan.end || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    if (second == 60) {
        second = 59;
        fraction = 999;
    }
    int64_t seconds = (((int64_t)hour * 60) + minute) * 60 + second;
    int64_t result = (days_of(year, month, day) * SECONDS_PER_DAY + seconds) * 1000 + fraction - offset;
    if (result < RFC3339_FIRST_MS || result > RFC3339_LAST_MS)
        return false;
    *ms = result;
    return true;
}

static void put_digits(char *out, int count, unsigned value) {
    for (; count > 0; value /= 10)
        out[--count] = (char)('0' + value % 10);
}

void rfc3339_write(int64_t ms, char *out) {
    ms = ms < RFC3339_FIRST_MS ? RFC3339_FIRST_MS : ms > RFC3339_LAST_MS ? RFC3339_LAST_MS : ms;
    int64_t days = (ms >= 0 ? ms : ms - (MS_PER_DAY - 1)) / MS_PER_DAY;
    unsigned in_day = (unsigned)(ms - days * MS_PER_DAY);
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    unsigned day_of_era = (unsigned)(shifted - era * DAYS_PER_ERA);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_index = (5 * day_of_year + 2) / 153;
    unsigned month = month_index < 10 ? month_index + 3 : month_index - 9;
    int64_t year = (int64_t)year_of_era + era * 400 + (month <= 2);
    memcpy(out, "0000-00-00T00:00:00.000Z", RFC3339_LENGTH);
    put_digits(out, 4, (unsigned)year);
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, day_of_year - (153 * month_index + 2) / 5 + 1);
    put_digits(out + 11, 2, in_day / 3600000);
    put_digits(out + 14, 2, in_day / 60000 % 60);
    put_digits(out + 17, 2, in_day / 1000 % 60);
    put_digits(out + 20, 3, in_day % 1000);
}

#include "shared/json/integer.h"

/* INTEGER_DIGITS_MAX: 2^53 has 16. */
enum { INTEGER_DIGITS_MAX = 16, EXPONENT_FAR = 1000000 };

/* A number's digits without point, sign and zeros at either end, and the power of ten they are times. */
struct decimal {
    char digits[INTEGER_DIGITS_MAX];
    int count;
    int64_t exponent;
    bool negative;
    bool too_long; /* more significant digits than any integer we take */
};

/* Far beyond what matters: an exponent of so many digits stays on its side of every limit. */
static int64_t read_exponent(const char *at, const char *end) {
    bool negative = at < end && *at == '-';
    int64_t value = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    for (; at < end && value < EXPONENT_FAR; at++)
        value = value * 10 + (*at - '0');
    return negative ? -value : value;
}

static void add_digit(struct decimal *decimal, char digit, unsigned *zeros) {
    if (digit == '0') {
        (*zeros)++;
        return;
    }
    bool leading = decimal->count == 0;
    unsigned between = leading ? 0 : *zeros;
    if (decimal->count + (int)between + 1 > INTEGER_DIGITS_MAX) {
        decimal->too_long = true;
        return;
    }
    for (; between > 0; between--)
        decimal->digits[decimal->count++] = '0';
    decimal->digits[decimal->count++] = digit;
    *zeros = 0;
}

static struct decimal read_decimal(struct text number) {
    struct decimal decimal = {.negative = number.at[0] == '-'};
    const char *at = number.at + decimal.negative, *end = number.at + number.len;
    unsigned zeros = 0; /* met since the last other digit */
    bool fraction = false;
    for (; at < end && *at != 'e' && *at != 'E' && !decimal.too_long; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        add_digit(&decimal, *at, &zeros);
        decimal.exponent -= fraction;
    }
    decimal.exponent += decimal.count == 0 ? 0 : zeros;
    if (at < end && !decimal.too_long)
        decimal.exponent += read_exponent(at + 1, end);
    return decimal;
}

bool integer_from_number(struct text number, int64_t *value) {
    static const int64_t limit = INT64_C(1)
                                 << 53; /* every integer up to it is a double, for others who read it */
    struct decimal decimal = read_decimal(number);
    int64_t sum = 0;
    if (decimal.count == 0 && !decimal.too_long) {
        *value = 0;
        return true;
    }
    if (decimal.too_long || decimal.exponent < 0 || decimal.count + decimal.exponent > INTEGER_DIGITS_MAX)
        return false;
    for (int i = 0; i < decimal.count; i++)
        sum = sum * 10 + (decimal.digits[i] - '0');
    for (int64_t i = 0; i < decimal.exponent; i++)
        sum *= 10;
    if (sum > limit)
        return false;
    *value = decimal.negative ? -sum : sum;
    return true;
}

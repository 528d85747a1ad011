#include "decimal.h"

#include <stdbool.h>

#include "bits.h"
#include "decimal_exact.h"
#include "decimal_powers.h"

enum { WORD_DIGITS = 19, EXPONENT_BOUND = 1 << 30 };

static const double EXACT_POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- a word of digits, times a power of ten --------------------------------------------------------------------- */

/* The product of the digits, shifted to the top of a word, and of the power: the upper 128 of 192 bits, of which the lower
 * are only made where they could carry into the bits that matter. */
static void multiply(uint64_t digits, int64_t exponent, uint64_t *high, uint64_t *low)
{
    const uint64_t *power = DECIMAL_POWERS[exponent - DECIMAL_POWER_MIN];
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)digits * power[0];
    *high = (uint64_t)(product >> 64);
    *low = (uint64_t)product;
    if ((*high & 0x1ff) == 0x1ff) {
        uint64_t carried = (uint64_t)(((wide)digits * power[1]) >> 64);
        *low += carried;
        *high += *low < carried;
    }
}

/* Rounds a product to the bits of a double. False where it could be on either side of a half. */
static bool round_product(uint64_t high, uint64_t low, int64_t exponent, unsigned leading, uint64_t *bits)
{
    if (low == UINT64_MAX && (exponent < -27 || exponent > 55))
        return false;
    unsigned top = (unsigned)(high >> 63), shift = top + 64 - 52 - 3;
    uint64_t mantissa = high >> shift;
    /* 217706 / 2^16 is log2(10), near enough to be floored for every power in the table */
    int64_t binary = ((217706 * exponent) >> 16) + 63 + top - leading + 1023;
    if (binary <= 0) {
        if (binary <= -63) {
            *bits = 0;
            return true;
        }
        mantissa >>= 1 - binary;
        mantissa += mantissa & 1;
        *bits = mantissa >> 1; /* a carry into the exponent makes it the first normal number */
        return true;
    }
    if (low <= 1 && exponent >= -4 && exponent <= 23 && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa &= ~(uint64_t)1; /* a half exactly, to even */
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >> 53) {
        mantissa >>= 1;
        binary++;
    }
    *bits = binary >= 0x7ff ? (uint64_t)0x7ff << 52 : (uint64_t)binary << 52 | (mantissa & (((uint64_t)1 << 52) - 1));
    return true;
}

/* One operation on two exact doubles, if they are. */
static inline bool scale_exactly(uint64_t digits, int64_t exponent, double *value)
{
    if (exponent < -22 || exponent > 22 || digits >> 53)
        return false;
    double exact = (double)(int64_t)digits;
    *value = exponent < 0 ? exact / EXACT_POWERS[-exponent] : exact * EXACT_POWERS[exponent];
    return true;
}

static bool scale_quickly(uint64_t digits, int64_t exponent, double *value)
{
    if (scale_exactly(digits, exponent, value))
        return true;
    uint64_t bits = 0;
    if (digits != 0 && exponent > DECIMAL_POWER_MAX) {
        bits = (uint64_t)0x7ff << 52;
    } else if (digits != 0 && exponent >= DECIMAL_POWER_MIN) {
        unsigned leading = obs_clz64(digits);
        uint64_t high, low;
        multiply(digits << leading, exponent, &high, &low);
        if (!round_product(high, low, exponent, leading, &bits))
            return false;
    }
    *value = from_bits(bits);
    return true;
}

double obs_decimal_scale(uint64_t digits, int64_t exponent)
{
    double value;
    if (scale_quickly(digits, exponent, &value))
        return value;
    uint8_t text[20];
    size_t at = sizeof text;
    for (; digits; digits /= 10)
        text[--at] = (uint8_t)('0' + digits % 10);
    return obs_decimal_divide(text + at, sizeof text - at, exponent);
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static inline bool is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') < 10;
}

/* How many of eight bytes, each of which is a character less '0', are digits before the first that is none. */
static inline unsigned count_digits(uint64_t word)
{
    uint64_t others = ((word + 0x7676767676767676u) | word) & 0x8080808080808080u;
    return others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
}

static inline uint64_t join_digits(uint64_t word)
{
    word = word * 10 + (word >> 8);
    return ((word & 0x000000ff000000ffu) * 0x000f424000000064u +
            ((word >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >>
           32;
}

/* Eight at a time: how many there are is the one thing that no branch foretells. */
static inline size_t skip_digits(const uint8_t *text, size_t length, size_t at, uint64_t *digits)
{
    static const uint64_t POWERS[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t sum = *digits; /* wraps around where there are too many; the caller counts them */
    while (length - at >= 8) {
        uint64_t word = obs_load64le(text + at) ^ 0x3030303030303030u;
        unsigned count = count_digits(word);
        if (count == 0)
            break;
        sum = sum * POWERS[count] + join_digits(word << (64 - 8 * count));
        at += count;
        if (count < 8) {
            *digits = sum;
            return at;
        }
    }
    for (; at < length && is_digit(text[at]); at++)
        sum = sum * 10 + (uint64_t)(text[at] - '0');
    *digits = sum;
    return at;
}

static size_t skip_exponent(const uint8_t *text, size_t length, size_t at, int64_t *exponent)
{
    if (at == length || (text[at] | 0x20) != 'e')
        return at;
    size_t from = at + 1;
    bool is_negative = from < length && text[from] == '-';
    from += from < length && (text[from] == '-' || text[from] == '+');
    if (from == length || !is_digit(text[from]))
        return at; /* the number ends before the `e` */
    int64_t written = 0;
    for (; from < length && is_digit(text[from]); from++)
        if (written < EXPONENT_BOUND)
            written = written * 10 + (text[from] - '0');
    *exponent += is_negative ? -written : written;
    return from;
}

static bool begins_with(const uint8_t *text, size_t length, const char *word, size_t letters)
{
    if (length < letters)
        return false;
    for (size_t i = 0; i < letters; i++)
        if ((text[i] | 0x20) != (uint8_t)word[i])
            return false;
    return true;
}

static obs_decimal_status read_word(const uint8_t *text, size_t length, size_t sign, double *value, size_t *used)
{
    if (sign == 0 && begins_with(text, length, "nan", 3)) {
        *value = from_bits(0x7ff8000000000001u);
        *used = 3;
        return OBS_DECIMAL_OK;
    }
    if (!begins_with(text + sign, length - sign, "inf", 3))
        return OBS_DECIMAL_SYNTAX;
    *value = from_bits((uint64_t)0x7ff << 52);
    *used = sign + (begins_with(text + sign, length - sign, "infinity", 8) ? 8 : 3);
    return OBS_DECIMAL_OK;
}

/* More digits than a word has: the first 19, and then the same with the last of them one up. If both are one double, so is
 * everything between. */
static double read_long(const uint8_t *text, size_t length, int64_t exponent)
{
    size_t skipped = 0, taken = 0;
    while (skipped < length && (text[skipped] == '0' || text[skipped] == '.'))
        skipped++;
    uint64_t digits = 0;
    size_t left = 0;
    for (size_t i = skipped; i < length; i++) {
        if (text[i] == '.')
            continue;
        if (taken < WORD_DIGITS)
            digits = digits * 10 + (uint64_t)(text[i] - '0'), taken++;
        else
            left++;
    }
    if (left == 0)
        return obs_decimal_scale(digits, exponent);
    double below, above;
    if (scale_quickly(digits, exponent + (int64_t)left, &below) &&
        scale_quickly(digits + 1, exponent + (int64_t)left, &above) && below == above)
        return below;
    return obs_decimal_divide(text + skipped, length - skipped, exponent);
}

obs_decimal_status obs_decimal_read(const uint8_t *text, size_t length, double *value, size_t *used)
{
    *used = 0;
    *value = 0;
    if (length == 0)
        return OBS_DECIMAL_SYNTAX;
    bool is_negative = text[0] == '-';
    size_t start = is_negative || text[0] == '+', count;
    uint64_t digits = 0;
    int64_t exponent = 0;
    size_t at = skip_digits(text, length, start, &digits);
    count = at - start;
    if (at < length && text[at] == '.') {
        size_t point = at + 1;
        at = skip_digits(text, length, point, &digits);
        count += at - point;
        exponent = -(int64_t)(at - point);
    }
    if (count == 0) {
        obs_decimal_status status = read_word(text, length, start, value, used);
        *value = is_negative ? -*value : *value;
        return status;
    }
    size_t mantissa = at - start;
    at = skip_exponent(text, length, at, &exponent);
    double found;
    if (count > WORD_DIGITS)
        found = read_long(text + start, mantissa, exponent);
    else if (!scale_exactly(digits, exponent, &found))
        found = obs_decimal_scale(digits, exponent);
    *used = at;
    *value = is_negative ? -found : found;
    return found > 1.7976931348623157e308 ? OBS_DECIMAL_RANGE : OBS_DECIMAL_OK;
}

obs_status obs_decimal_read_many(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                 size_t n, double *values, uint8_t *states)
{
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 0 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i])
            return OBS_INVALID;
        size_t used, length = (size_t)lengths[i];
        obs_decimal_status state = obs_decimal_read(data + starts[i], length, &values[i], &used);
        states[i] = (uint8_t)(used == length ? state : OBS_DECIMAL_SYNTAX);
    }
    return OBS_OK;
}

/* ---- and back --------------------------------------------------------------------------------------------------- */

static size_t write_word(const char *word, size_t length, uint8_t *text)
{
    memcpy(text, word, length);
    return length;
}

static size_t write_scientific(const uint8_t *digits, size_t n, int exponent, uint8_t *text)
{
    size_t at = 0;
    text[at++] = digits[0];
    if (n > 1) {
        text[at++] = '.';
        memcpy(text + at, digits + 1, n - 1);
        at += n - 1;
    }
    unsigned power = (unsigned)(exponent < 0 ? -exponent : exponent);
    text[at++] = 'e';
    text[at++] = exponent < 0 ? '-' : '+';
    if (power >= 100)
        text[at++] = (uint8_t)('0' + power / 100);
    text[at++] = (uint8_t)('0' + power / 10 % 10);
    text[at++] = (uint8_t)('0' + power % 10);
    return at;
}

/* The shortest decimal of a number that is a few digits divided by a small power of ten: no two decimals of at most 15
 * digits are the same double. */
static bool find_short(double value, uint8_t digits[DECIMAL_DIGITS_MAX], size_t *n, int *exponent)
{
    for (int power = 0; power <= 22; power++) {
        double scaled = value * EXACT_POWERS[power];
        if (!(scaled < 1e15))
            return false;
        uint64_t word = (uint64_t)(scaled + 0.5);
        if (word == 0 || (double)(int64_t)word / EXACT_POWERS[power] != value)
            continue;
        size_t count = 0;
        for (uint64_t left = word; left; left /= 10)
            count++;
        for (size_t i = count; i-- > 0; word /= 10)
            digits[i] = (uint8_t)('0' + word % 10);
        for (*n = count; *n > 1 && digits[*n - 1] == '0';)
            --*n;
        *exponent = (int)count - 1 - power;
        return true;
    }
    return false;
}

size_t obs_decimal_write(double value, uint8_t text[32])
{
    if (value != value)
        return write_word("NaN", 3, text);
    if (value == 0)
        return write_word("0.0", 3, text);
    size_t at = 0, n;
    if (value < 0) {
        text[at++] = '-';
        value = -value;
    }
    if (value > 1.7976931348623157e308)
        return write_word(at ? "-Inf" : "+Inf", 4, text);
    uint8_t digits[DECIMAL_DIGITS_MAX];
    int exponent;
    if (!find_short(value, digits, &n, &exponent))
        obs_decimal_shortest(value, digits, &n, &exponent);
    if (exponent < -4 || exponent >= 6)
        return at + write_scientific(digits, n, exponent, text + at);
    if (exponent < 0) {
        text[at++] = '0';
        text[at++] = '.';
        for (int i = -1; i > exponent; i--)
            text[at++] = '0';
        memcpy(text + at, digits, n);
        return at + n;
    }
    for (size_t i = 0; i < n || i <= (size_t)exponent; i++) {
        text[at++] = i < n ? digits[i] : '0';
        if (i == (size_t)exponent)
            text[at++] = '.';
    }
    if (text[at - 1] == '.')
        text[at++] = '0';
    return at;
}

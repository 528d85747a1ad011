/* A decimal is a fraction of two whole numbers, of some thousand bits each. */
#include "decimal_exact.h"

#include <stdbool.h>

#include "bits.h"

/* Halfway between two doubles there are 767 digits at most: what follows the first 768 only matters by being there. The
 * largest of the numbers is then 5^1111, or what is aligned with it. */
enum { LIMBS = 48, DIGITS_KEPT = 768, SMALLEST = -400, LARGEST = 400 };

typedef struct {
    uint64_t limb[LIMBS]; /* the least significant first */
    size_t n;             /* the highest limb is not 0 */
} whole;

__extension__ typedef unsigned __int128 wide;

static void multiply_add(whole *a, uint64_t by, uint64_t more)
{
    uint64_t carry = more;
    for (size_t i = 0; i < a->n; i++) {
        wide product = (wide)a->limb[i] * by + carry;
        a->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    if (carry && a->n < LIMBS)
        a->limb[a->n++] = carry;
}

static void multiply_power5(whole *a, int64_t exponent)
{
    for (; exponent >= 27; exponent -= 27)
        multiply_add(a, 7450580596923828125u, 0);
    uint64_t rest = 1;
    for (; exponent > 0; exponent--)
        rest *= 5;
    multiply_add(a, rest, 0);
}

static void shift_left(whole *a, size_t bits)
{
    size_t limbs = bits / 64, rest = bits % 64;
    if (a->n + limbs > LIMBS)
        return;
    memmove(a->limb + limbs, a->limb, a->n * sizeof *a->limb);
    memset(a->limb, 0, limbs * sizeof *a->limb);
    a->n += limbs;
    if (rest)
        multiply_add(a, (uint64_t)1 << rest, 0);
}

static size_t bits_of(const whole *a)
{
    return a->n ? 64 * a->n - obs_clz64(a->limb[a->n - 1]) : 0;
}

static int compare(const whole *a, const whole *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* `a` must not be less than `b`. */
static void subtract(whole *a, const whole *b)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->n; i++) {
        uint64_t from = a->limb[i], less = i < b->n ? b->limb[i] : 0, left = from - less - borrow;
        borrow = from < less || (borrow && from == less);
        a->limb[i] = left;
    }
    while (a->n && !a->limb[a->n - 1])
        a->n--;
}

static void set_word(whole *a, uint64_t word)
{
    a->limb[0] = word;
    a->n = word != 0;
}

/* ---- text to double --------------------------------------------------------------------------------------------- */

/* The first 64 bits of top / bottom, which is aligned to lie within [1, 2). What stays of `top` is the rest. */
static uint64_t divide(whole *top, const whole *bottom)
{
    uint64_t quotient = 0;
    for (int i = 0; i < 64; i++) {
        quotient <<= 1;
        if (compare(top, bottom) >= 0) {
            subtract(top, bottom);
            quotient |= 1;
        }
        multiply_add(top, 2, 0);
    }
    return quotient;
}

/* quotient / 2^63 * 2^binary, and a little more if something is left over. */
static double assemble(uint64_t quotient, int64_t binary, bool is_more)
{
    int64_t dropped = binary < -1022 ? 11 + (-1022 - binary) : 11;
    if (dropped > 64)
        return 0;
    uint64_t kept = dropped == 64 ? 0 : quotient >> dropped, half = (uint64_t)1 << (dropped - 1);
    uint64_t cut = dropped == 64 ? quotient : quotient & (((uint64_t)1 << dropped) - 1);
    kept += cut > half || (cut == half && (is_more || kept & 1));
    /* the leading bit adds one to the exponent, and so does a carry */
    uint64_t bits = binary < -1022 ? kept : ((uint64_t)(binary + 1022) << 52) + kept;
    if (bits >> 52 >= 0x7ff)
        bits = (uint64_t)0x7ff << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Takes the digits up, and returns by how many powers of ten they stand too high. */
static int64_t take_digits(const uint8_t *digits, size_t length, whole *top)
{
    int64_t left = 0;
    size_t taken = 0;
    bool is_more = false;
    set_word(top, 0);
    for (size_t i = 0; i < length; i++) {
        if (digits[i] == '.')
            continue;
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (taken == DIGITS_KEPT) {
            is_more |= digit != 0;
            left++;
        } else if (taken || digit) {
            multiply_add(top, 10, digit);
            taken++;
        }
    }
    if (is_more) {
        multiply_add(top, 10, 1);
        left--;
    }
    return left;
}

double obs_decimal_divide(const uint8_t *digits, size_t length, int64_t exponent)
{
    whole top, bottom;
    exponent += take_digits(digits, length, &top);
    if (top.n == 0)
        return 0;
    int64_t magnitude = exponent + (int64_t)(bits_of(&top) * 1233 >> 12); /* nearly the exponent of the first digit */
    if (magnitude < SMALLEST)
        return 0;
    if (magnitude > LARGEST)
        return assemble((uint64_t)1 << 63, 1024, false);
    set_word(&bottom, 1);
    multiply_power5(exponent < 0 ? &bottom : &top, exponent < 0 ? -exponent : exponent);
    int64_t ahead = (int64_t)bits_of(&top) - (int64_t)bits_of(&bottom), binary = exponent + ahead;
    if (ahead < 0)
        shift_left(&top, (size_t)-ahead);
    else
        shift_left(&bottom, (size_t)ahead);
    if (compare(&top, &bottom) < 0) {
        shift_left(&top, 1);
        binary--;
    }
    uint64_t quotient = divide(&top, &bottom);
    return assemble(quotient, binary, top.n != 0);
}

/* ---- double to text --------------------------------------------------------------------------------------------- */

/* value = top / bottom * 10^exponent, and the fraction lies within [1, 10). */
static int to_fraction(double value, whole *top, whole *bottom)
{
    uint64_t bits = obs_double_bits(&value), mantissa = bits & (((uint64_t)1 << 52) - 1);
    int64_t binary = (int64_t)(bits >> 52);
    if (binary)
        mantissa |= (uint64_t)1 << 52;
    binary = (binary ? binary : 1) - 1075;
    int64_t exponent = (((int64_t)(64 - obs_clz64(mantissa)) + binary) * 1233 >> 12) - 1; /* low by two at most */
    set_word(top, mantissa);
    set_word(bottom, 1);
    int64_t shift = binary - exponent;
    multiply_power5(exponent < 0 ? top : bottom, exponent < 0 ? -exponent : exponent);
    shift_left(shift < 0 ? bottom : top, (size_t)(shift < 0 ? -shift : shift));
    for (;;) {
        whole next = *bottom;
        multiply_add(&next, 10, 0);
        if (compare(top, &next) < 0)
            return (int)exponent;
        *bottom = next;
        exponent++;
    }
}

static double join(const uint8_t *digits, size_t n, int exponent, uint64_t more)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word = word * 10 + digits[i];
    return obs_decimal_scale(word + more, exponent - (int)n + 1);
}

/* Whether the digits after the first `n`, and the rest after all of them, make more than a half; a half goes to even. */
static bool is_above_half(const uint8_t *digits, size_t n, bool is_more)
{
    if (digits[n] != 5)
        return digits[n] > 5;
    for (size_t i = n + 1; i <= DECIMAL_DIGITS_MAX; i++)
        is_more |= digits[i] != 0;
    return is_more || digits[n - 1] % 2;
}

void obs_decimal_shortest(double value, uint8_t digits[DECIMAL_DIGITS_MAX], size_t *n, int *exponent)
{
    whole top, bottom;
    uint8_t exact[DECIMAL_DIGITS_MAX + 1];
    *exponent = to_fraction(value, &top, &bottom);
    for (size_t i = 0; i <= DECIMAL_DIGITS_MAX; i++) {
        exact[i] = 0;
        for (; compare(&top, &bottom) >= 0; exact[i]++)
            subtract(&top, &bottom);
        multiply_add(&top, 10, 0);
    }
    bool is_up = false;
    for (*n = 1; *n < DECIMAL_DIGITS_MAX; ++*n) {
        bool below = join(exact, *n, *exponent, 0) == value, above = join(exact, *n, *exponent, 1) == value;
        is_up = above && (!below || is_above_half(exact, *n, top.n != 0));
        if (below || above)
            break;
    }
    if (*n == DECIMAL_DIGITS_MAX)
        is_up = is_above_half(exact, *n, top.n != 0);
    for (size_t i = *n; is_up && i-- > 0;) {
        is_up = ++exact[i] == 10;
        if (is_up)
            exact[i] = 0;
    }
    if (is_up) { /* 9.99 became 10 */
        exact[0] = 1;
        ++*exponent;
    }
    while (*n > 1 && exact[*n - 1] == 0)
        --*n;
    for (size_t i = 0; i < *n; i++)
        digits[i] = (uint8_t)('0' + exact[i]);
}

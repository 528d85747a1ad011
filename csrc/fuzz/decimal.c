/* Decimals: any bytes are a number or none, and what is written for a double is read as that double. */
#include "../decimal.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char LETTERS[] = "0123456789.e-+0019";
    uint8_t text[600], written[32];
    double value, again;
    size_t used, n = size < sizeof text ? size : sizeof text;
    obs_decimal_read(data, size, &value, &used);
    FUZZ_CHECK(used <= size);
    for (size_t i = 0; i < n; i++)
        text[i] = (uint8_t)LETTERS[data[i] % (sizeof LETTERS - 1)];
    obs_decimal_status status = obs_decimal_read(text, n, &value, &used);
    FUZZ_CHECK(used <= n && (status != OBS_DECIMAL_OK || used > 0));
    if (size >= sizeof value)
        memcpy(&value, data, sizeof value);
    size_t length = obs_decimal_write(value, written);
    FUZZ_CHECK(length <= sizeof written);
    FUZZ_CHECK(obs_decimal_read(written, length, &again, &used) == OBS_DECIMAL_OK && used == length);
    FUZZ_CHECK(again == value || value != value);
    return 0;
}

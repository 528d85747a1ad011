/* Records of samples: any bytes, as two records of one version each, decode to as many samples as they have room for. */
#include "../log.h"

#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const int64_t half = (int64_t)(size / 2), starts[] = {0, half}, lengths[] = {half, (int64_t)size - half};
    size_t capacity = obs_log_capacity(size);
    uint64_t *references = malloc((capacity + 1) * sizeof *references);
    int64_t *times = malloc((capacity + 1) * sizeof *times), *begins = malloc((capacity + 1) * sizeof *begins), ends[2];
    double *values = malloc((capacity + 1) * sizeof *values);
    uint8_t *records = malloc(size), bad[2];
    if (references && times && begins && values && records) {
        memcpy(records, data, size);
        records[0] = 2;
        records[half] = 11;
        FUZZ_CHECK(obs_log_decode_samples(records, size, starts, lengths, 2, references, times, values, begins, capacity,
                                          ends, bad) == OBS_OK);
        FUZZ_CHECK(ends[0] <= ends[1] && (size_t)ends[1] <= capacity);
        FUZZ_CHECK(obs_log_decode_samples(records, size - 1, starts, lengths, 2, references, times, values, begins,
                                          capacity, ends, bad) == OBS_INVALID);
    }
    free(references), free(times), free(begins), free(values), free(records);
    return 0;
}

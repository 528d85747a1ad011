"""The compiled kernels, numpy in and numpy out.

Every function checks dtypes, shapes and lengths once and then makes one C call, with the GIL released: no other thread
may change the arrays meanwhile. Times are int64 milliseconds. Bytes that are not what their format promises raise
`CorruptionError` where one input is one thing, and are marked where many are read at once.
"""

from obsflow.native.aggregation import (
    FOLDING_OPERATORS,
    GROUP_OPERATORS,
    Groups,
    histogram_quantile,
    keep_ranked,
    reduce_groups,
)
from obsflow.native.alerts import AlertVocabulary
from obsflow.native.chunks import (
    CHUNK_CORRUPT,
    CHUNK_CUT,
    CHUNK_MISSING,
    CHUNK_OUTSIDE,
    CHUNK_READABLE,
    CHUNK_SKIPPED,
    CHUNK_UNREAD,
    ChunkFiles,
    ChunkRanges,
    ChunkTimes,
    Located,
)
from obsflow.native.codecs import (
    XorAppender,
    crc32c,
    crc32c_many,
    decode_log_samples,
    fnv1a64,
    snappy_decode,
    xor2_decode,
    xor_decode,
    xor_encode,
    xor_encode_many,
    xxhash64,
)
from obsflow.native.labels import LabelPairs
from obsflow.native.series import (
    WINDOW_FUNCTIONS,
    PassedRuns,
    Rows,
    RunTable,
    SharedBuffers,
    Windows,
    decode_runs,
    decode_runs_and_starts,
    unpack_runs,
    window,
    window_groups,
)

__all__ = [
    "CHUNK_CORRUPT",
    "CHUNK_CUT",
    "CHUNK_MISSING",
    "CHUNK_OUTSIDE",
    "CHUNK_READABLE",
    "CHUNK_SKIPPED",
    "CHUNK_UNREAD",
    "FOLDING_OPERATORS",
    "GROUP_OPERATORS",
    "WINDOW_FUNCTIONS",
    "AlertVocabulary",
    "ChunkFiles",
    "ChunkRanges",
    "ChunkTimes",
    "Groups",
    "LabelPairs",
    "Located",
    "PassedRuns",
    "Rows",
    "RunTable",
    "SharedBuffers",
    "Windows",
    "XorAppender",
    "crc32c",
    "crc32c_many",
    "decode_log_samples",
    "decode_runs",
    "decode_runs_and_starts",
    "fnv1a64",
    "histogram_quantile",
    "keep_ranked",
    "reduce_groups",
    "snappy_decode",
    "unpack_runs",
    "window",
    "window_groups",
    "xor2_decode",
    "xor_decode",
    "xor_encode",
    "xor_encode_many",
    "xxhash64",
]

"""Exposition text as columns.

What Prometheus' own parsers accept and refuse, so does this. Where those err, it does not: blanks before a name are no
part of it; a NUL at the start of a line or in a comment does not end the body, nor does one behind a backslash; names
must be UTF-8, and those of labels not empty; labels of exemplars are unescaped; a label that comes twice is refused
here and not by the store, also in an exemplar; a time beyond 64 bits is the first or the last that there is. Bounds in
hexadecimal or with underscores stay as they are.
"""

import numpy as np

from obsflow import native
from obsflow.exposition.body import Exposition, TextFormat, labels_of_keys, to_error
from obsflow.exposition.cache import SeriesCache


def parse_exposition(body: bytes, text_format: TextFormat, cache: SeriesCache | None = None) -> Exposition:
    """Read a body whole, or raise ExpositionSyntaxError with what was expected first, and where.

    With a `cache`, rows whose key it knows have the reference that was stored for it.
    """
    columns = native.parse_text(body, text_format.value, cache.known if cache is not None else None)
    if isinstance(columns, native.TextFault):
        raise to_error(body, columns)
    samples, exemplars = columns.samples, columns.exemplars
    new = np.flatnonzero(samples.entries < 0) if columns.n_missing else np.empty(0, np.int64)
    labels = labels_of_keys(body, samples.key_starts[new], samples.key_lengths[new], samples.kinds[new])
    kinds = np.full(len(exemplars.values), native.TEXT_EXEMPLAR + text_format.value, np.uint8)
    of_exemplars = labels_of_keys(body, exemplars.key_starts, exemplars.key_lengths, kinds)
    return Exposition(body, text_format, columns, new, labels, of_exemplars)

"""A text whose samples all have their times, as columns: what is imported, and not scraped."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.exposition.body import Exposition, TextFormat, labels_of_keys, to_error
from obsflow.model.labels import Labels

IntArray = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class TimedSamples:
    """Samples in the order of the text: sample `i` is of the series `labels[rows[i]]`.

    Times are int64 ms, 0 where `has_time` is not set; `starts` is where in the text each begins, in bytes.
    """

    labels: list[Labels]
    rows: IntArray
    times: IntArray
    values: npt.NDArray[np.float64]
    has_time: npt.NDArray[np.bool_]
    starts: IntArray


def parse_timed(body: bytes, text_format: TextFormat = TextFormat.OPENMETRICS) -> TimedSamples:
    """Read a text whole. Labels are made once for each way in which a series is written.

    Raises ExpositionSyntaxError.
    """
    columns = native.parse_text(body, text_format.value, None)
    if isinstance(columns, native.TextFault):
        raise to_error(body, columns)
    samples = columns.samples
    starts, lengths, kinds = samples.key_starts, samples.key_lengths, samples.kinds
    entries = native.TextCache().add(body, starts, lengths, kinds)
    _, first, rows = np.unique(entries, return_index=True, return_inverse=True)
    none = labels_of_keys(body, starts[:0], lengths[:0], kinds[:0])
    exposition = Exposition(body, text_format, columns, first[:0], none, none)
    return TimedSamples(
        exposition.labels_of(first),
        rows.astype(np.int64),
        samples.times,
        samples.values,
        samples.has_time != 0,
        starts,
    )

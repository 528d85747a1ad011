"""Whether a range has the answer that Prometheus gave."""

import math
from collections.abc import Sequence
from typing import Any

from obsflow.model.labels import Labels
from obsflow.query.result import Result

TOLERANCE = 1e-9
"""Of a value. 3.x sums more exactly than 2.42 does, which is less than this away in everything measured here."""


def difference(ours: Result, theirs: Sequence[dict[str, Any]]) -> str:
    """What differs first between our matrix and the `result` of the HTTP API, or nothing."""
    expected = {
        Labels(series["metric"]): {round(float(at) * 1000): float(value) for at, value in series["values"]}
        for series in theirs
    }
    found = {labels: dict(zip(times.tolist(), values.tolist(), strict=True)) for labels, times, values in ours.series()}
    if found.keys() != expected.keys():
        more, less = found.keys() - expected.keys(), expected.keys() - found.keys()
        return f"{len(more)} series are only ours, {len(less)} only theirs, as {next(iter(more or less))}"
    bad, example = 0, ""
    for labels, series in found.items():
        other = expected[labels]
        if series.keys() != other.keys():
            at = min(series.keys() ^ other.keys())
            return f"{labels} at {at} ms: only {'ours' if at in series else 'theirs'}"
        wrong = [at for at, value in series.items() if not _is_close(value, other[at])]
        if wrong:
            example = example or f"{labels} at {wrong[0]} ms: {series[wrong[0]]!r}, not {other[wrong[0]]!r}"
        bad += len(wrong)
    return f"{bad} values, as {example}" if bad else ""


def _is_close(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))

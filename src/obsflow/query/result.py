"""What a query answers with, and its form in Prometheus' HTTP API."""

import json
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.model.floats import render_float
from obsflow.model.frames import FloatArray, Frame, LabelColumns, TimeArray
from obsflow.model.labels import Labels

_LEAST_PLAIN = 1e-6
_LEAST_EXPONENT = 1e21


@attrs.frozen
class Scalar:
    """A number at a time (ms)."""

    value: float
    time: int


@attrs.frozen
class String:
    """A text at a time (ms)."""

    value: str
    time: int


@attrs.frozen(eq=False)
class RawSeries:
    """The samples of a range vector as they were taken: series `i` owns `offsets[i]:offsets[i + 1]` of both columns."""

    labels: LabelColumns
    times: TimeArray
    values: FloatArray
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@attrs.frozen(eq=False)
class Result:
    """The answer to one query.

    `value` is a Frame (an instant vector has one step; the series of a range are sorted), RawSeries (a range vector at
    an instant), Scalar or String. Warnings and infos are texts for a person.
    """

    value: Frame | RawSeries | Scalar | String
    is_range: bool
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """`vector`, `matrix`, `scalar` or `string`."""
        match self.value:
            case Scalar():
                return "scalar"
            case String():
                return "string"
            case Frame() if not self.is_range:
                return "vector"
            case _:
                return "matrix"

    def vector(self) -> list[tuple[Labels, float]]:
        """The samples of an instant vector, in order. Raises QueryError for any other result."""
        if not isinstance(self.value, Frame) or self.is_range:
            raise QueryError(f"the result is a {self.type}, not an instant vector")
        return list(zip(self.value.labels.decode(), self.value.values[:, 0].tolist(), strict=True))

    def series(self) -> list[tuple[Labels, TimeArray, FloatArray]]:
        """Labels, times (int64 ms) and values of each series. Raises QueryError for a scalar or a string."""
        return list(self._series())

    def to_dict(self) -> dict[str, Any]:
        """The `data` object of Prometheus' HTTP API: `resultType` and `result`."""
        return {"resultType": self.type, "result": self._render()}

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False)

    def _render(self) -> list[Any]:
        match self.value:
            case Scalar(value=value, time=time):
                return [render_seconds(time), render_float(value)]
            case String(value=text, time=time):
                return [render_seconds(time), _render_text(text)]
            case Frame(times=times) if not self.is_range:
                seconds = render_seconds(int(times[0]))
                return [
                    {"metric": _render_labels(labels), "value": [seconds, render_sample(value)]}
                    for labels, value in self.vector()
                ]
            case _:
                return [
                    {
                        "metric": _render_labels(labels),
                        "values": [
                            [render_seconds(time), render_sample(value)]
                            for time, value in zip(times.tolist(), values.tolist(), strict=True)
                        ],
                    }
                    for labels, times, values in self._series()
                ]

    def _series(self) -> Iterator[tuple[Labels, TimeArray, FloatArray]]:
        value = self.value
        if isinstance(value, Scalar | String):
            raise QueryError(f"the result is a {self.type}, not series")
        for row, labels in enumerate(value.labels.decode()):
            if isinstance(value, Frame):
                there = value.present[row]
                yield labels, value.times[there], value.values[row, there]
            else:
                own = slice(int(value.offsets[row]), int(value.offsets[row + 1]))
                yield labels, value.times[own], value.values[own]


@attrs.frozen(eq=False)
class Batch:
    """The answers to one query at many times, each as if asked alone.

    `frame` is `[series, steps]`, in no order of series; a step in `failures` (step index to why) has no samples.
    """

    frame: Frame
    failures: dict[int, QueryError]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


def render_seconds(time_ms: int) -> int | float:
    """Seconds, whole where they are."""
    return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000


def render_sample(value: float) -> str:
    """The value of a series as the HTTP API writes it: with an exponent below 1e-6 and from 1e21.

    A scalar, which the API writes by another path, never has one.
    """
    magnitude = abs(value)
    if magnitude == 0 or _LEAST_PLAIN <= magnitude < _LEAST_EXPONENT or not np.isfinite(value):
        return render_float(value)
    mantissa, _, exponent = repr(float(value)).partition("e")
    return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].lstrip('0').rjust(2, '0')}"


def _render_labels(labels: Labels) -> dict[str, str]:
    return {_render_text(name): _render_text(value) for name, value in labels.pairs}


def _render_text(text: str) -> str:
    """The text with U+FFFD for each byte that is not UTF-8: JSON has no other way to say it."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

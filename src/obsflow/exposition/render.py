"""Families of samples written as exposition text, in either format; what is written reads back as it was."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from obsflow.exposition.body import Exposition, Family, MetricType, Sample, TextFormat
from obsflow.model.floats import render_float_g
from obsflow.model.labels import METRIC_NAME, Labels, is_label_name, is_metric_name

_OPEN_TYPES: Final = {
    MetricType.UNKNOWN: "unknown",
    MetricType.COUNTER: "counter",
    MetricType.GAUGE: "gauge",
    MetricType.HISTOGRAM: "histogram",
    MetricType.GAUGE_HISTOGRAM: "gaugehistogram",
    MetricType.SUMMARY: "summary",
    MetricType.INFO: "info",
    MetricType.STATESET: "stateset",
}
_PLAIN_TYPES: Final = {
    **_OPEN_TYPES,
    MetricType.UNKNOWN: "untyped",
    MetricType.GAUGE_HISTOGRAM: "histogram",
    MetricType.INFO: "gauge",
    MetricType.STATESET: "gauge",
}
_SUFFIXES: Final = {
    MetricType.COUNTER: ("_total", "_created"),
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count", "_created"),
    MetricType.GAUGE_HISTOGRAM: ("_bucket", "_gsum", "_gcount"),
    MetricType.SUMMARY: ("_sum", "_count", "_created"),
    MetricType.INFO: ("_info",),
}
_TOTAL: Final = "_total"
_OWN_FAMILY: Final = ("_created", "_gsum", "_gcount")
"""Samples that 0.0.4 has no word for: they are gauges of their own there."""


@attrs.frozen
class MetricFamily:
    """Samples that belong together; the metric name of each is among its labels, and begins with `name`."""

    name: str
    samples: tuple[Sample, ...]
    type: MetricType = MetricType.UNKNOWN
    help: str | None = None
    unit: str | None = None


def to_families(exposition: Exposition) -> tuple[MetricFamily, ...]:
    """The samples of a body by families, in the order in which those first come; what has no TYPE is one by itself."""
    said = exposition.metadata()
    grouped: dict[str, list[Sample]] = {name: [] for name, family in said.items() if family.type is not None}
    for sample in exposition.samples():
        name = sample.labels.name
        grouped.setdefault(_family_of(name, grouped, said), []).append(sample)
    out = []
    for name, samples in grouped.items():
        known = said.get(name)
        of = (known.type or MetricType.UNKNOWN, known.help, known.unit) if known else (MetricType.UNKNOWN, None, None)
        out.append(MetricFamily(name, tuple(samples), *of))
    return tuple(out)


def _family_of(name: str, grouped: Iterable[str], said: dict[str, Family]) -> str:
    if name in said:
        return name
    for metric_type, suffixes in _SUFFIXES.items():
        for suffix in suffixes:
            base = name.removesuffix(suffix)
            if base != name and base in grouped and base in said and said[base].type is metric_type:
                return base
    return name


def render(families: Iterable[MetricFamily], text_format: TextFormat) -> bytes:
    """The families as text.

    Exemplars are only in OpenMetrics, and so are units that the name ends with. A counter whose samples do not end in
    `_total` is of unknown type there. Raises ValueError for a time before 1970 in 0.0.4, which has no word for it.
    """
    is_open = text_format is TextFormat.OPENMETRICS
    written = _as_open if is_open else _as_plain
    lines = [line for family in families for part in written(family) for line in _lines(part, is_open=is_open)]
    return "".join([*lines, "# EOF\n" if is_open else ""]).encode()


def _as_open(family: MetricFamily) -> Iterator[MetricFamily]:
    """A counter is called without its `_total`."""
    if family.type is MetricType.COUNTER:
        named = {sample.labels.name.endswith((_TOTAL, "_created")) for sample in family.samples}
        if False in named:
            family = attrs.evolve(family, type=MetricType.UNKNOWN)
        else:
            family = attrs.evolve(family, name=family.name.removesuffix(_TOTAL))
    yield family


def _as_plain(family: MetricFamily) -> Iterator[MetricFamily]:
    """Families are called as their samples are."""
    own = [name for suffix in _OWN_FAMILY if (name := family.name + suffix) in _names(family.samples)]
    rest = tuple(sample for sample in family.samples if sample.labels.name not in own)
    name, names = family.name, _names(rest)
    for metric_type, suffix in ((MetricType.COUNTER, _TOTAL), (MetricType.INFO, "_info")):
        if family.type is metric_type and names <= {family.name + suffix} and not name.endswith(suffix):
            name += suffix
    if rest or not own:
        yield attrs.evolve(family, name=name, samples=rest)
    for each in own:
        samples = tuple(sample for sample in family.samples if sample.labels.name == each)
        yield MetricFamily(each, samples, MetricType.GAUGE, family.help)


def _names(samples: Sequence[Sample]) -> set[str]:
    return {sample.labels.name for sample in samples}


def _lines(family: MetricFamily, *, is_open: bool) -> Iterator[str]:
    name = family.name if is_metric_name(family.name) else f'"{_escape(family.name)}"'
    if family.help is not None:
        escaped = _escape(family.help) if is_open else family.help.replace("\\", "\\\\").replace("\n", "\\n")
        yield f"# HELP {name} {escaped}\n"
    yield f"# TYPE {name} {(_OPEN_TYPES if is_open else _PLAIN_TYPES)[family.type]}\n"
    if is_open and family.unit and family.name.endswith("_" + family.unit):
        yield f"# UNIT {name} {family.unit}\n"
    number = _render_open_float if is_open else render_float_g
    time_of = _seconds if is_open else _milliseconds
    for sample in family.samples:
        time = "" if sample.time is None else f" {time_of(sample.time)}"
        line = f"{render_series(sample.labels)} {number(sample.value)}{time}"
        if is_open and sample.exemplar is not None:
            exemplar = sample.exemplar
            at = "" if exemplar.time is None else f" {_seconds(exemplar.time)}"
            line += f" # {render_exemplar_labels(exemplar.labels)} {_render_open_float(exemplar.value)}{at}"
        yield line + "\n"


def render_series(labels: Labels) -> str:
    """A series as a line begins with it."""
    name, pairs = labels.name, _pairs(labels.without(METRIC_NAME))
    if not is_metric_name(name):
        return f'{{"{_escape(name)}"{"," if pairs else ""}{pairs}}}'
    return f"{name}{{{pairs}}}" if pairs else name


def render_exemplar_labels(labels: Labels) -> str:
    """The labels of an exemplar, in braces."""
    return f"{{{_pairs(labels)}}}"


def _pairs(labels: Labels) -> str:
    return ",".join(f'{_label_name(name)}="{_escape(value)}"' for name, value in labels.pairs)


def _label_name(name: str) -> str:
    return name if is_label_name(name) else f'"{_escape(name)}"'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _render_open_float(value: float) -> str:
    text = render_float_g(value)
    return text if not math.isfinite(value) or "." in text or "e" in text else text + ".0"


def _milliseconds(time: int) -> str:
    if time < 0:
        raise ValueError(f"text format 0.0.4 has no times before 1970, such as {time} ms")
    return str(time)


def _seconds(time: int) -> str:
    """A time (ms) in seconds, so that a reader who multiplies by 1000 and cuts off the fraction has it again."""
    whole, rest = divmod(abs(time), 1000)
    text = ("-" if time < 0 else "") + f"{whole}.{rest:03}".rstrip("0").rstrip(".")
    seconds = float(text)
    if int(seconds * 1000) == time:
        return text
    return repr(math.nextafter(seconds, math.copysign(math.inf, seconds)))

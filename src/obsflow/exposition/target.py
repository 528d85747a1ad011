"""A target: what it is called, and what becomes of the series that it exposes."""

import re
from typing import Final

import attrs

from obsflow.exposition.body import TextFormat
from obsflow.exposition.failures import FailureKind, ScrapeFailure
from obsflow.exposition.relabel import RelabelConfig, relabel
from obsflow.model.labels import EMPTY, METRIC_NAME, Labels, quote

_EXPORTED: Final = "exported_"
_MAX_TOLERANCE_MS: Final = 2
_LIMITS: Final = (
    *("sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit"),
    *("body_size_limit", "max_ahead_ms"),
)


@attrs.frozen
class Target:
    """One target as a scrape configuration describes it, with its defaults. A limit of 0 is none; lengths are bytes.

    `labels` are those that all its series get, without any that begins with `__`. `aligns` has a scrape that began up
    to 2 ms, or 1 % of the interval, too late bear the time at which it should have. Samples more than `max_ahead_ms`
    ahead of the scrape are dropped. `fallback` is the format of answers whose Content-Type tells none. `extra_metrics`
    adds three series to the five about each scrape. Raises ValueError with everything that is wrong.
    """

    labels: Labels = EMPTY
    interval_ms: int = 60_000
    timeout_ms: int = 10_000
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    metric_relabel_configs: tuple[RelabelConfig, ...] = ()
    sample_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0
    body_size_limit: int = 0
    fallback: TextFormat | None = None
    aligns: bool = True
    max_ahead_ms: int = 600_000
    extra_metrics: bool = False

    def __attrs_post_init__(self) -> None:
        problems = [f"{name} must not be negative" for name in _LIMITS if getattr(self, name) < 0]
        if self.interval_ms <= 0 or self.timeout_ms <= 0:
            problems.append("scrape interval and timeout must be more than 0")
        elif self.timeout_ms > self.interval_ms:
            problems.append(
                f"scrape timeout cannot be greater than scrape interval ({self.timeout_ms} ms > {self.interval_ms} ms)"
            )
        problems += [
            f"a target has no label {quote(name)}: those that begin with __ are not stored"
            for name in self.labels
            if name.startswith("__")
        ]
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def tolerance_ms(self) -> int:
        """How late a scrape may begin and still bear the time at which it should have."""
        return min(_MAX_TOLERANCE_MS, self.interval_ms // 100) if self.aligns else 0

    def label(self, exposed: Labels, key: bytes = b"") -> Labels | None:
        """The labels under which a series is stored, from those that it was exposed with; None where it is dropped.

        `key` is the series as it was written: with `honor_labels`, a label that is there and empty stays so.
        """
        if self.honor_labels:
            own = [pair for pair in self.labels.pairs if not (pair[0] in exposed or _is_emptied(pair[0], key))]
            mixed = exposed.with_(dict(own))
        else:
            mixed = self._with_own(exposed)
        found = relabel(mixed, self.metric_relabel_configs) if self.metric_relabel_configs else mixed
        return found or None

    def _with_own(self, exposed: Labels) -> Labels:
        """Own labels win; those exposed under the same names get a prefix until no other is called so."""
        mixed = dict(exposed.pairs)
        clashes = [(name, mixed[name]) for name in self.labels if name in mixed]
        mixed.update(self.labels.pairs)
        for name, value in sorted(clashes, key=lambda pair: len(pair[0].encode())):
            free = _EXPORTED + name
            while free in mixed:
                free = _EXPORTED + free
            mixed[free] = value
        return Labels(mixed)

    def find_failure(self, labels: Labels) -> ScrapeFailure | None:
        """Why a scrape fails that has a series with these labels; None where it does not."""
        if METRIC_NAME not in labels:
            return ScrapeFailure(FailureKind.NO_NAME, f"missing metric name (__name__ label) in {labels}")
        if "" in labels:
            return ScrapeFailure(FailureKind.INVALID_NAME, f"invalid metric name or label names: {labels}")
        name, count = labels.name, len(labels)
        if self.label_limit and count > self.label_limit:
            text = f"label_limit exceeded ({name:.50} has {count} labels, the limit is {self.label_limit})"
            return ScrapeFailure(FailureKind.LABEL_LIMIT, text)
        if not (self.label_name_length_limit or self.label_value_length_limit):
            return None
        for label, value in labels.pairs:
            for kind, text, limit in (
                (FailureKind.LABEL_NAME_LENGTH_LIMIT, label, self.label_name_length_limit),
                (FailureKind.LABEL_VALUE_LENGTH_LIMIT, value, self.label_value_length_limit),
            ):
                if limit and (length := len(text.encode())) > limit:
                    shown = f"label {label:.50} of {name:.50}: {length} bytes, the limit is {limit}"
                    return ScrapeFailure(kind, f"{kind.value} exceeded ({shown})")
        return None


def _is_emptied(name: str, key: bytes) -> bool:
    """Whether a series as it is written has this label with an empty value."""
    if b'""' not in key:
        return False
    written = re.escape(name.encode())
    return re.search(rb'[{,\s]"?' + written + rb'"?[ \t]*=[ \t]*""', key) is not None

"""What a review takes for granted: the severities there are, the intervals, the data."""

from collections.abc import Mapping

import attrs

from obsflow.quality.inventory import Inventory

DEFAULT_SEVERITIES = ("critical", "warning", "info", "none", "page")


@attrs.frozen
class Settings:
    """What is known of the place where the rules run; durations in ms.

    Without `scrape_interval_ms` or `evaluation_interval_ms` nothing is said that hangs on it, without `inventory`
    nothing about data. `external_labels` None says that alerts may have others than the rules give them.
    """

    severities: tuple[str, ...] = DEFAULT_SEVERITIES
    scrape_interval_ms: int | None = None
    evaluation_interval_ms: int | None = None
    external_labels: Mapping[str, str] | None = attrs.field(default=None, hash=False)
    inventory: Inventory | None = attrs.field(default=None, eq=False)
    disabled: frozenset[str] = frozenset()

"""Alerts as they travel from the rules to the router."""

import attrs

from obsflow.model.labels import EMPTY, Labels


@attrs.frozen
class Alert:
    """One alert as it is told to the router. Times are ms since the epoch.

    `ends_at` None leaves the end to the router's resolve timeout; an end that is not after now says resolved. A rule
    gives a firing alert an end in the future, after which it counts as resolved unless it is sent again.
    """

    labels: Labels
    annotations: Labels = EMPTY
    starts_at: int | None = None
    ends_at: int | None = None
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The `alertname` label."""
        return self.labels.get("alertname")

    @property
    def fingerprint(self) -> int:
        """Identity of the alert: the hash of its labels."""
        return self.labels.fingerprint

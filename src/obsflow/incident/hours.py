"""Support hours: what is urgent by day may wait by night."""

import datetime

import attrs

from obsflow.incident.contacts import Urgency
from obsflow.incident.rotation import Restriction, Rotation
from obsflow.incident.schedule import Layer, Schedule
from obsflow.model.durations import DAY_MS, WEEK_MS

_HORIZON_MS = WEEK_MS + 2 * DAY_MS  # every window of the week begins in it, clock changes included


@attrs.frozen
class SupportHours:
    """Windows of the week by the clock of `zone`, and the urgency `inside` and `outside`; None is that of the alerts.

    With `raises`, an incident of low urgency that waits when the hours begin takes the urgency of inside.
    """

    zone: datetime.tzinfo
    windows: tuple[Restriction, ...]
    inside: Urgency | None = Urgency.HIGH
    outside: Urgency | None = Urgency.LOW
    raises: bool = False

    def contains(self, at: int) -> bool:
        """Whether an instant, ms, is within the hours."""
        return bool(self._schedule.on_call(at))

    def urgency(self, at: int, of_alerts: Urgency) -> Urgency:
        """The urgency of what is triggered at an instant."""
        return (self.inside if self.contains(at) else self.outside) or of_alerts

    def raised_at(self, at: int) -> int | None:
        """From when, at the earliest `at`, a low urgency is a high one; None if never."""
        if not self.raises or self.inside is not Urgency.HIGH:
            return None
        shifts = self._schedule.shifts(at, at + _HORIZON_MS)
        return next((shift.start for shift in shifts if shift.on_call), None)

    @property
    def _schedule(self) -> Schedule:
        return Schedule("support hours", self.zone, (Layer("support", ("support",), Rotation.weekly(), self.windows),))

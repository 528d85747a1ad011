"""What the machine hears from those who run it: a new configuration, maintenance, heartbeats, changes to a service."""

import attrs

from obsflow.incident.config import Config


@attrs.frozen
class Reload:
    """From now on this configuration; open incidents go on by it."""

    config: Config


@attrs.frozen
class StartMaintenance:
    """Until `until` (ms), which is after now, the service pages nobody by itself. Replaces one that is under way."""

    service: str
    by: str
    until: int


@attrs.frozen
class EndMaintenance:
    """The maintenance of the service that is under way ends early."""

    service: str
    by: str


@attrs.frozen
class Beat:
    """A heartbeat of the service: it is alive."""

    service: str
    name: str


@attrs.frozen
class Change:
    """Something was done to the service, such as a deployment, at `occurred_at` (ms)."""

    service: str
    summary: str
    occurred_at: int
    source: str = ""


OperationEvent = Reload | StartMaintenance | EndMaintenance | Beat | Change

"""From alerts to notifications: silences, inhibition, time intervals, routes, groups, the notification log."""

from obsflow.alertmanager.alerts import KnownAlert
from obsflow.alertmanager.compat import (
    ALERTMANAGER,
    ALERTMANAGER_0_25,
    ALERTMANAGER_0_34,
    OBSFLOW,
    PRESETS,
    Compat,
    parse_compat,
)
from obsflow.alertmanager.config import Config, Integration, Receiver, load_config
from obsflow.alertmanager.dispatch import Alertmanager
from obsflow.alertmanager.events import (
    AlertRejected,
    Decision,
    Delivered,
    DeliveryAbandoned,
    DeliveryFailed,
    Effect,
    Event,
    ExpireSilence,
    Grouped,
    GroupReason,
    GroupRefused,
    Inhibited,
    MuteCause,
    Notify,
    ReceiveAlerts,
    Reload,
    SetSilence,
    Silenced,
    TimeMuted,
)
from obsflow.alertmanager.inhibition import InhibitRule
from obsflow.alertmanager.intervals import NamedIntervals, TimeInterval, Zones, utc_only
from obsflow.alertmanager.limits import NO_LIMITS, Limits
from obsflow.alertmanager.matchers import parse_matcher, parse_matchers
from obsflow.alertmanager.posted import AlertReader
from obsflow.alertmanager.routing import Route, Visit, VisitOutcome, trace
from obsflow.alertmanager.silences import Silence, SilenceState, parse_silences
from obsflow.alertmanager.state import Snapshot
from obsflow.alertmanager.status import (
    AlertStanding,
    AlertState,
    GroupStanding,
    StandingFilter,
    select_alerts,
    select_groups,
)

__all__ = [
    "ALERTMANAGER",
    "ALERTMANAGER_0_25",
    "ALERTMANAGER_0_34",
    "NO_LIMITS",
    "OBSFLOW",
    "PRESETS",
    "AlertReader",
    "AlertRejected",
    "AlertStanding",
    "AlertState",
    "Alertmanager",
    "Compat",
    "Config",
    "Decision",
    "Delivered",
    "DeliveryAbandoned",
    "DeliveryFailed",
    "Effect",
    "Event",
    "ExpireSilence",
    "GroupReason",
    "GroupRefused",
    "GroupStanding",
    "Grouped",
    "InhibitRule",
    "Inhibited",
    "Integration",
    "KnownAlert",
    "Limits",
    "MuteCause",
    "NamedIntervals",
    "Notify",
    "ReceiveAlerts",
    "Receiver",
    "Reload",
    "Route",
    "SetSilence",
    "Silence",
    "SilenceState",
    "Silenced",
    "Snapshot",
    "StandingFilter",
    "TimeInterval",
    "TimeMuted",
    "Visit",
    "VisitOutcome",
    "Zones",
    "load_config",
    "parse_compat",
    "parse_matcher",
    "parse_matchers",
    "parse_silences",
    "select_alerts",
    "select_groups",
    "trace",
    "utc_only",
]

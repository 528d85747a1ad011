"""What obsflow does otherwise than Alertmanager, each difference under its name, and the presets made of them."""

from collections.abc import Mapping

import attrs


@attrs.frozen
class Compat:
    """Named differences in behaviour; the defaults are obsflow's own.

    Configuration: `classic_matchers` reads matchers by the grammar before UTF-8 names, and `utf8_matchers` by the newer
    one only, rather than by whichever reads them; `empty_group_by_inherits` takes `group_by: []` of a child route as
    not given; `time_intervals_inherited` hands a route's mute and active intervals down to children that name none.

    Groups: `old_alert_always_flushes` lets every alert older than `group_wait`, not only the one that creates the
    group, flush a group that never flushed; `empty_group_lingers` keeps an emptied group, with its timer, until the
    next maintenance pass; `flush_drift_ms` is how much more than `group_interval` lies between two flushes, because
    the timer is set anew each time; `muted_alerts_remembered` leaves a muted alert in the log of a receiver that knows
    it as firing, and one that resolves then in its group, so that the receiver hears of the end once nothing mutes it.

    Notification log: `repeat_after_completion` repeats at the first flush strictly later than the end of the last
    delivery plus `repeat_interval`, rather than at the first one at least that interval after the last flush that sent;
    `log_expires` forgets an entry after twice the repeat interval; `log_keyed_by_route` keeps apart the entries of
    sibling routes with the same matchers.

    Inhibition: `inhibition_keeps_one_source` remembers one source for each combination of `equal` labels, as releases
    from 0.30 to 0.34.0 did.

    Sender: `loses_alerts_at_start` lets a Prometheus that has just started lose what it sends before it has discovered
    its Alertmanagers; `sending_ms` is how long each batch of alerts takes to arrive, one rule's after the other. An
    alert that is sent when it is as old as `group_wait` is older when it arrives, and one that is told at once is told
    before the next rule's alerts are heard of.
    """

    name: str = "obsflow"
    classic_matchers: bool = False
    utf8_matchers: bool = False
    empty_group_by_inherits: bool = False
    time_intervals_inherited: bool = False
    weekdays_wrap: bool = False
    old_alert_always_flushes: bool = False
    empty_group_lingers: bool = False
    flush_drift_ms: int = 0
    muted_alerts_remembered: bool = True
    repeat_after_completion: bool = False
    log_expires: bool = False
    log_keyed_by_route: bool = True
    inhibition_keeps_one_source: bool = False
    loses_alerts_at_start: bool = False
    sending_ms: int = 0


OBSFLOW = Compat()
ALERTMANAGER = Compat(
    name="alertmanager",
    weekdays_wrap=True,
    loses_alerts_at_start=True,
    sending_ms=1,
    flush_drift_ms=1,
    muted_alerts_remembered=False,
    repeat_after_completion=True,
    log_expires=True,
    log_keyed_by_route=False,
)
ALERTMANAGER_0_34 = attrs.evolve(
    ALERTMANAGER, name="alertmanager-0.34", weekdays_wrap=False, inhibition_keeps_one_source=True
)
ALERTMANAGER_0_25 = attrs.evolve(
    ALERTMANAGER,
    name="alertmanager-0.25",
    weekdays_wrap=False,
    classic_matchers=True,
    empty_group_by_inherits=True,
    old_alert_always_flushes=True,
    empty_group_lingers=True,
)

_ALL = (OBSFLOW, ALERTMANAGER, ALERTMANAGER_0_34, ALERTMANAGER_0_25)
PRESETS: Mapping[str, Compat] = {preset.name: preset for preset in _ALL}


def parse_compat(name: str) -> Compat:
    """The preset of that name. Raises ValueError with the names that exist."""
    if name not in PRESETS:
        known = ", ".join(f'"{each}"' for each in PRESETS)
        raise ValueError(f'unknown compat "{name}": expected one of {known}')
    return PRESETS[name]

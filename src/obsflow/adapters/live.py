"""Runs a loop by the clock, and sends what it decides: the backtest's machines, live."""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from obsflow.alertmanager import Config, Delivered, DeliveryFailed, Notify
from obsflow.errors import ObsflowError
from obsflow.flow.loop import Flow
from obsflow.model.notifications import NotifyReason
from obsflow.notify import Next, Outcome, Renderer, Step

ReceiverData: TypeAlias = dict[tuple[str, str, str, int], Mapping[str, str]]
"""What a receiver's answers brought that the next delivery to the group needs, while the loop runs."""

_LONGEST_WAIT_MS = 1_000  # an event may come in at any time, and `stop` be asked for


def wall_clock() -> int:
    """Now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


def sleep_ms(duration_ms: int) -> None:
    """Wait."""
    time.sleep(duration_ms / 1000)


def run_live(
    flow: Flow,
    routes: Config,
    renderer: Renderer,
    send: Callable[[Step], Next],
    *,
    observe: Callable[[int, object], None] = lambda _now, _effect: None,
    should_stop: Callable[[int], bool] = lambda _now: False,
    clock: Callable[[], int] = wall_clock,
    wait: Callable[[int], None] = sleep_ms,
) -> None:
    """Poll the loop when it is due, send its notifications one after the other, and tell it what became of them.

    `send` carries out one step of a delivery, as `obsflow.adapters.delivery.Sender.send` does. `observe` sees every
    effect. Both are called between polls, so what takes long delays the next evaluation, as
    missed ticks are skipped. `should_stop` is asked at least every second.
    """
    receivers: ReceiverData = {}
    while not should_stop(now := clock()):
        due = flow.next_timer()
        if due is None or due > now:
            wait(_LONGEST_WAIT_MS if due is None else min(due - now, _LONGEST_WAIT_MS))
            continue
        for effect in flow.poll(now):
            observe(now, effect)
            if isinstance(effect, Notify):
                flow.receive(_deliver(effect, routes, renderer, send, receivers), clock())


def _deliver(
    effect: Notify, routes: Config, renderer: Renderer, send: Callable[[Step], Next], receivers: ReceiverData
) -> Delivered | DeliveryFailed:
    """Carry out a delivery. A template that fails is the end of it, not of the loop."""
    notification = effect.notification
    key = (notification.group_key, notification.receiver, notification.integration, notification.index)
    if notification.reason is NotifyReason.FIRST_NOTIFICATION:
        receivers.pop(key, None)
    try:
        config = routes.integration(notification).config
        following: Next = renderer.begin(notification, config, receivers.get(key))
    except ObsflowError as error:
        return DeliveryFailed(effect.delivery, can_retry=False, error=str(error))
    while isinstance(following, Step):
        following = send(following)
    if following.receiver_data:
        receivers[key] = {**receivers.get(key, {}), **following.receiver_data}
    return _report(effect, following)


def _report(effect: Notify, outcome: Outcome) -> Delivered | DeliveryFailed:
    if outcome.is_delivered:
        return Delivered(effect.delivery)
    return DeliveryFailed(
        effect.delivery, can_retry=outcome.retry, error=outcome.reason, retry_after_ms=outcome.retry_after_ms
    )

"""Random configurations and histories of alerts, laid out so that it never matters when exactly things happen.

Times are seconds from a base. Alerts and silences come on the second; what ends by itself does so a quarter after one;
groups are looked at on the half, since `group_wait` ends so and `group_interval` is whole seconds. So a quarter of a
second lies between any two things whose order decides anything. Groups that are looked at at once, because an alert is
old, are out of step; nothing else concerns them. A slow receiver takes more than the rest of the second, and less than
would reach what comes after that.
"""

import random

import attrs

SECONDS = 34
QUARTER = 0.25
HALF = 0.5
INTERVALS = (2, 3)
# Whole seconds lie between flushes, so that no repeat is due in the very same instant. What a slow receiver took is due
# only after the flush that would have repeated it.
REPEATS_MS = (2_500, 4_500, 5_500, 7_500)
WAITS = (0.5, 1.5, 2.5, 2.5)
TEAMS = ("a", "b", "c", "d")
SEVERITIES = ("critical", "warning", "info")
GROUPS = 24
OLD = "old"  # alertname of what is out of step
SLOW_MS = 800
TWIN = "e"  # the team that two routes with equal matchers tell of, a second apart and three seconds after
PLURAL = "f"  # the team whose route has a child without group labels, for one size
RECEIVERS = """
- {name: plain, webhook_configs: [{url: HTTP/plain}]}
- {name: firing, webhook_configs: [{url: HTTP/firing, send_resolved: false, max_alerts: 1}]}
- {name: refused, webhook_configs: [{url: HTTP/taken}, {url: HTTP/refused}]}
- {name: slow, webhook_configs: [{url: HTTP/slow}]}
- {name: nobody}
"""
INTERVALS_SECTION = """
- {name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}
- {name: never, time_intervals: [{years: ['1999']}]}
"""


@attrs.frozen
class Saying:
    """A sender's word: `start` and `end` are None where it says nothing of them."""

    labels: dict[str, str]
    start: float | None
    end: float | None
    note: str


@attrs.frozen
class Silencing:
    """A silence that somebody sets; `number` tells it from others."""

    number: int
    matchers: tuple[tuple[str, str, bool], ...]  # name, value, whether it is a pattern
    start: float
    end: float


@attrs.frozen
class Expiring:
    """The end of a silence."""

    number: int


@attrs.frozen
class Plan:
    """A configuration, with HTTP for the address of the receivers, and what happens at which second."""

    config: str
    steps: dict[float, list[Saying | Silencing | Expiring]]


def make_plan(seed: int, *, size: str = "size", labels: str = "") -> Plan:
    """The plan of a number, the same each time. `size` is the name of a label, `labels` are the labels of a route."""
    chance = random.Random(seed)
    steps: dict[float, list[Saying | Silencing | Expiring]] = {}
    for group in range(GROUPS):
        common = {"alertname": chance.choice(("x", "y")), "g": f"g{group}", "team": chance.choice(TEAMS)}
        for instance in range(chance.randint(1, 3)):
            _live(chance, steps, {**common, "i": str(instance), "severity": chance.choice(SEVERITIES)})
    for group in range(GROUPS, GROUPS + 12):
        _live_old(chance, steps, {"alertname": OLD, "g": f"g{group}", "team": chance.choice(TEAMS)})
    for number in range(6):
        _silence(chance, steps, number)
    for group in range(GROUPS + 12, GROUPS + 18):
        _live_once(chance, steps, {"alertname": "x", "g": f"g{group}", "team": TWIN})
    for group in range(GROUPS + 18, GROUPS + 24):
        many = {"alertname": "x", "g": f"g{group}", "team": PLURAL, size: chance.choice(("small", "large"))}
        _live(chance, steps, {**many, "severity": chance.choice(SEVERITIES)})
    return Plan(_config(chance, size, labels and f", labels: {labels}"), steps)


def _config(chance: random.Random, size: str, route_labels: str) -> str:
    teams = chance.sample(TEAMS, chance.randint(1, 3))
    matchers = [f"team={team}" for team in teams] + chance.sample(["severity=critical", "alertname=~x|old"], 1)
    chance.shuffle(matchers)
    routes = ",\n".join(
        f"  {{matchers: ['{each}'], {_options(chance)}, {_hours(chance)}continue: {chance.choice(('true', 'false'))}}}"
        for each in matchers
    )
    once = "receiver: plain, group_by: [g], group_interval: 3s, repeat_interval: 7500ms"
    routes += (
        f",\n  {{matchers: ['team={TWIN}'], {once}, group_wait: 500ms, continue: true}},"
        f"\n  {{matchers: ['team={TWIN}'], {once}, group_wait: 1500ms}},"
        f"\n  {{matchers: ['team={PLURAL}'], {_options(chance)},"
        f" routes: [{{matchers: ['{size}=large'], group_by: []{route_labels}}}]{route_labels}}}"
    )
    rules = "".join(
        f"- {{source_matchers: [severity={source}], target_matchers: ['severity=~{target}'], equal: [{equal}]}}\n"
        for source, target, equal in chance.sample(
            [("critical", "warning", "g"), ("critical", "warning|info", "team, alertname"), ("info", "info", "team")], 2
        )
    )
    return (
        "global: {resolve_timeout: 6s250ms}\n"
        f"route: {{{_options(chance)}, routes: [\n{routes}]}}\n"
        f"receivers: {RECEIVERS}\ntime_intervals: {INTERVALS_SECTION}\ninhibit_rules:\n{rules}"
    )


def _options(chance: random.Random) -> str:
    receiver = chance.choice(("plain", "plain", "plain", "slow", "firing", "refused", "refused", "nobody"))
    group_by = chance.choice(("[g]", "[g, severity]", "['...']", "[g, absent]"))
    return (
        f"receiver: {receiver}, group_by: {group_by}, group_wait: {_duration(chance.choice(WAITS))},"
        f" group_interval: {chance.choice(INTERVALS)}s, repeat_interval: {chance.choice(REPEATS_MS)}ms"
    )


def _hours(chance: random.Random) -> str:
    return chance.choice(
        (
            "",
            "",
            "mute_time_intervals: [never], ",
            "active_time_intervals: [always], ",
            "active_time_intervals: [never, always], mute_time_intervals: [never], ",
            "mute_time_intervals: [never, always], ",
        )
    )


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _live(chance: random.Random, steps: dict[float, list], labels: dict[str, str]) -> None:
    """An alert that fires, is told again, resolves by itself or by word, and perhaps fires again."""
    now = float(chance.randint(0, 12))
    count = 0
    while now < SECONDS - 4:
        start = now - chance.choice((0.0, QUARTER))
        kind = chance.choice(("said", "said", "ends", "times out"))
        until = now + chance.randint(1, 12)
        while now < min(until, SECONDS):
            count += 1
            # What times out ends by its last word; what ends says so from the first.
            end = {"said": start + 3600, "ends": until + QUARTER, "times out": None}[kind]
            said_start = None if kind == "times out" and chance.random() < HALF else start
            steps.setdefault(now, []).append(Saying(labels, said_start, end, str(count // 2)))
            now += chance.choice((1, 2, 5))
        if kind == "said":
            steps.setdefault(now, []).append(Saying(labels, start, now, str(count)))
        rest = 7 if kind == "times out" else 1
        now = max(now, until) + rest + chance.choice((0, 1, 3, 9))


def _live_once(chance: random.Random, steps: dict[float, list], labels: dict[str, str]) -> None:
    """A group whose alerts come and go while one of them fires, which ends the group when it resolves."""
    begin, end = chance.randint(0, 12), chance.randint(18, SECONDS - 6)
    steps.setdefault(float(begin), []).append(Saying({**labels, "i": "first"}, begin, end + QUARTER, ""))
    for instance in range(chance.randint(0, 2)):
        start = chance.randint(begin + 1, end - 4)
        until = chance.randint(start + 1, end - 1) + QUARTER
        steps.setdefault(float(start), []).append(Saying({**labels, "i": str(instance)}, start, until, ""))


def _live_old(chance: random.Random, steps: dict[float, list], labels: dict[str, str]) -> None:
    """A group whose first alert, or whose second while it waits for others, has been firing for long."""
    now = float(chance.randint(1, 20))
    if chance.random() < 1 - QUARTER:
        steps.setdefault(now, []).append(Saying({**labels, "i": "young"}, now, now + 3600, ""))
        now += chance.choice((1, 2))
    steps.setdefault(now, []).append(Saying({**labels, "i": "old"}, now - 600, now + 3600, ""))


def _silence(chance: random.Random, steps: dict[float, list], number: int) -> None:
    now = float(chance.randint(0, SECONDS - 10))
    matchers = chance.choice(
        (
            (("team", chance.choice(TEAMS), False), ("severity", "warning", False)),
            (("g", f"g{chance.randrange(GROUPS)}|g{chance.randrange(GROUPS)}", True),),
            (("alertname", "y", False), ("i", "[0-1]", True)),
        )
    )
    start = now + chance.choice((0, QUARTER, 2 + QUARTER))
    end = start // 1 + QUARTER + chance.randint(2, 9)
    steps.setdefault(now, []).append(Silencing(number, matchers, start, end))
    if chance.random() < HALF:
        steps.setdefault(now + chance.randint(1, 6), []).append(Expiring(number))

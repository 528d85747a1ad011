"""Checks of the routing tree: who gets which alerts, and who never gets any."""

from collections.abc import Iterator, Sequence
from typing import Final

from obsflow.alertmanager.limits import RETENTION_MS
from obsflow.alertmanager.old_syntax import OldSyntax
from obsflow.model.durations import render_duration
from obsflow.model.labels import quote
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.quality.findings import Finding
from obsflow.quality.reach import Conjunction, can_pass, literals_of
from obsflow.quality.routefile import ReviewedConfig, ReviewedRoute
from obsflow.quality.shapes import ALERT_NAME, AlertShape
from obsflow.schema import Position

PAGERS: Final = frozenset(("pagerduty", "opsgenie", "victorops", "pushover", "incidentio"))
_MAYBE_PAGERS: Final = PAGERS | {"webhook"}
_CRITICAL: Final = Matcher("severity", MatchOp.EQUAL, "critical")
_UNTOLD: Final = frozenset(("none",))
"""The severity of what nobody is to be told."""
_SHOWN: Final = 5


def _takers(blockers: Sequence[ReviewedRoute]) -> list[Conjunction]:
    """What routes take of the alerts that come to them. The way to a later route leads past all of its blockers."""
    return [blocker.route.matchers for blocker in blockers]


def check_reach(config: ReviewedConfig) -> Iterator[Finding]:
    """M501, M502: routes that get nothing, or less than they ask for."""
    unreachable: set[str] = set()
    for node in config.routes:
        if node.parent is not None and node.parent.route.id in unreachable:
            unreachable.add(node.route.id)
            continue
        if not can_pass(node.asked):
            unreachable.add(node.route.id)
            yield node.find("M501", node.place(), f"No alert can pass all of {_say(node.asked)}.")
        elif not can_pass(node.asked, _takers(node.blockers)):
            unreachable.add(node.route.id)
            yield node.find("M501", node.place(), *_describe_unreachable(node))
        elif (finding := _overshadowed(config, node)) is not None:
            yield finding


def _say(matchers: Sequence[Matcher]) -> str:
    return ", ".join(str(matcher) for matcher in dict.fromkeys(matchers)) or "no matcher"


def _describe_unreachable(node: ReviewedRoute) -> tuple[str, str]:
    alone = next((each for each in node.blockers if not can_pass(node.asked, [each.route.matchers])), None)
    if alone is None:
        lines = _lines(node.blockers)
        return f"No alert reaches it: the routes in {lines} take all that it would take.", "Move it before them."
    what = f"the route {alone.name} in line {alone.place().line}"
    message = f"No alert reaches it: {what} takes all that it would take and does not continue."
    return message, "Move it before that route, or set `continue: true` there."


def _lines(nodes: Sequence[ReviewedRoute]) -> str:
    lines = [str(node.place().line) for node in nodes]
    return f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(lines[:-1])} and {lines[-1]}"


def _overshadowed(config: ReviewedConfig, node: ReviewedRoute) -> Finding | None:
    """What routes about other labels take from one that does not mention those."""
    taking = [each for each in node.blockers if _is_about_others(config, each, node)]
    if not taking:
        return None
    takers = _takers(taking)
    asking = [shape for shape in config.alerts if _surely_passes(shape, node)]
    lost = [shape for shape in asking if not shape.may_pass(node.asked, takers)]
    if asking and not lost:
        return None
    kinds = [_say(matchers) for matchers in dict.fromkeys(takers)]
    others = f"neither {' nor '.join(kinds)}" if len(kinds) > 1 else f"not {kinds[0]}"
    act = "routes in {} take those first and do" if len(taking) > 1 else "route in {} takes those first and does"
    message = (
        f"{_say(node.route.matchers)} is reached only by alerts that are {others}: "
        f"the {act.format(_lines(taking))} not continue."
    )
    if lost:
        names = sorted({shape.name for shape in lost})
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        message += f" It misses {', '.join(names[:_SHOWN])}{more}."
    return node.find("M502", node.place(), message, "Set `continue: true` on those, or move this route before them.")


def _surely_passes(shape: AlertShape, node: ReviewedRoute) -> bool:
    """Whether all alerts of a shape are what a route asks for."""
    return not any(can_pass((), [(matcher,)], shape.values) for matcher in node.asked)


def _is_about_others(config: ReviewedConfig, blocker: ReviewedRoute, node: ReviewedRoute) -> bool:
    """Whether a route takes alerts by other labels than those that the later one asks for, as a rule of its own.

    What is picked out by name, sent to nobody or of severity "none" is an exception that its author made on purpose;
    and one with routes of its own by the labels that the later one asks for has thought of them.
    """
    labels = {matcher.name for matcher in blocker.route.matchers}
    own = {matcher.name for matcher in node.route.matchers}
    if not labels or not own or labels & own or ALERT_NAME in labels or blocker.parent is not node.parent:
        return False
    if not all(matcher.op.is_positive for matcher in (*blocker.route.matchers, *node.route.matchers)):
        return False
    if any(matcher.name == "severity" and literals_of(matcher) == _UNTOLD for matcher in blocker.route.matchers):
        return False
    below = {matcher.name for route in blocker.route.walk()[1:] for matcher in route.matchers}
    if own <= below or not config.config.receivers[blocker.route.receiver].integrations:
        return False
    rest = [each for each in node.blockers if each is not blocker]
    return can_pass((*node.asked, *blocker.route.matchers), _takers(rest))


def check_receivers(config: ReviewedConfig) -> Iterator[Finding]:
    """M503: receivers that no route names."""
    used = {node.route.receiver for node in config.routes}
    for section in config.file.receivers:
        if section.name not in used:
            place = section.at.get("name", section.at[""])
            yield Finding.of("M503", place, section.name, "No route names this receiver.", anchor=section.at[""].line)


def check_intervals(config: ReviewedConfig) -> Iterator[Finding]:
    """M512: time intervals that no route names."""
    sections = [node.section for node in config.routes]
    used = {name for each in sections for name in (*each.mute_time_intervals, *each.active_time_intervals)}
    for section in (*config.file.time_intervals, *config.file.mute_time_intervals):
        if section.name not in used:
            place = section.at.get("name", section.at[""])
            message = "No route names this time interval."
            yield Finding.of("M512", place, section.name, message, anchor=section.at[""].line)


def final_routes(config: ReviewedConfig, shape: AlertShape) -> list[ReviewedRoute]:
    """The routes at which alerts of a shape may be grouped."""
    found = []
    for node in config.routes:
        below = [child for child in config.routes if child.parent is node]
        if shape.may_pass(node.asked, _takers((*node.blockers, *below))):
            found.append(node)
    return found


def check_default(config: ReviewedConfig) -> Iterator[Finding]:
    """M505: alerts for which there is only the default receiver."""
    root = config.routes[0]
    if not root.route.routes:
        return
    lost = [shape.name for shape in config.alerts if final_routes(config, shape) == [root]]
    names = list(dict.fromkeys(lost))
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        message = (
            f"No route but the root takes {', '.join(names[:_SHOWN])}{more}: the receiver is {root.route.receiver}."
        )
        yield root.find("M505", root.place(), message)


def check_idle(config: ReviewedConfig) -> Iterator[Finding]:
    """M513: routes that none of the alerts can take."""
    if not config.alerts:
        return
    idle: set[str] = set()
    for node in config.routes:
        is_below = node.parent is not None and node.parent.route.id in idle
        if is_below or not any(shape.may_pass(node.asked) for shape in config.alerts):
            idle.add(node.route.id)
            if not is_below and can_pass(node.asked):
                yield node.find("M513", node.place(), f"No alert of the rules has {_say(node.asked)}.")


def check_critical(config: ReviewedConfig) -> Iterator[Finding]:
    """M506: critical alerts that wake nobody."""
    if config.shapes is None:
        if not _asks_critical(config):
            return
        anything = AlertShape("", "", 0, {"severity": frozenset(("critical",))})
        routes = [node for node in final_routes(config, anything) if not node.is_root]
        if routes and not any(_pages(config, node) for node in routes):
            where = next((node for node in routes if _CRITICAL in node.route.matchers), routes[0])
            receivers = ", ".join(dict.fromkeys(node.route.receiver for node in routes))
            message = f"Critical alerts reach {receivers}, none of which pages."
            yield where.find("M506", where.place("receiver"), message, "Route them to PagerDuty, or another pager.")
        return
    for shape in config.alerts:
        if shape.values.get("severity") == frozenset(("critical",)):
            routes = final_routes(config, shape)
            if routes and not any(_pages(config, node) for node in routes):
                receivers = ", ".join(dict.fromkeys(node.route.receiver for node in routes))
                message = f"The critical alert {shape.name} reaches {receivers}, none of which pages."
                yield routes[0].find("M506", routes[0].place("receiver"), message)


def _asks_critical(config: ReviewedConfig) -> bool:
    return any(_CRITICAL in node.route.matchers for node in config.routes)


def _pages(config: ReviewedConfig, node: ReviewedRoute) -> bool:
    return any(each.kind in _MAYBE_PAGERS for each in config.config.receivers[node.route.receiver].integrations)


def check_timing(config: ReviewedConfig) -> Iterator[Finding]:
    """M507: reminders that would come sooner than a group is looked at, or later than the log remembers."""
    for node in config.routes:
        route = node.route
        is_own = node.is_root or "repeat_interval" in node.section.at or "group_interval" in node.section.at
        if is_own and route.repeat_interval_ms < route.group_interval_ms:
            repeat, group = render_duration(route.repeat_interval_ms), render_duration(route.group_interval_ms)
            message = (
                f"`repeat_interval` {repeat} is shorter than `group_interval` {group}: reminders come every {group}."
            )
            yield node.find("M507", node.place("repeat_interval"), message)
        if is_own and route.repeat_interval_ms > RETENTION_MS:
            repeat, kept = render_duration(route.repeat_interval_ms), render_duration(RETENTION_MS)
            message = f"`repeat_interval` {repeat} is longer than the {kept} for which it is known what was said."
            yield node.find("M507", node.place("repeat_interval"), message)


def check_old_syntax(config: ReviewedConfig) -> Iterator[Finding]:
    """M514: what still counts and has a newer form."""
    for warning in config.config.warnings:
        if isinstance(warning, OldSyntax):
            at = Position(warning.source, warning.line, warning.column)
            message = warning.message[:1].upper() + warning.message[1:] + "."
            yield Finding.of("M514", at, warning.path, message)


def check_grouping(config: ReviewedConfig) -> Iterator[Finding]:
    """M508: labels that no alert of the rules has."""
    if not config.alerts:
        return
    for node in config.routes:
        if node.section.group_by is None:
            continue
        for name in sorted(node.route.group_by - {ALERT_NAME}):
            if all(shape.never_has(name) for shape in config.alerts):
                message = f"No alert of the rules has the label {name}, by which this route groups."
                yield node.find("M508", node.place("group_by"), message)


def check_resolved(config: ReviewedConfig) -> Iterator[Finding]:
    """M509: pagers that are told of the beginning only."""
    for section in config.file.receivers:
        receiver = config.config.receivers.get(section.name)
        for integration in receiver.integrations if receiver is not None else ():
            if integration.kind in PAGERS and not integration.send_resolved:
                place = section.at.get(f"{integration.kind}_configs", section.at[""])
                message = f"{quote(section.name)} is not told when an alert is resolved."
                fix = "Drop `send_resolved: false`."
                yield Finding.of("M509", place, section.name, message, fix, anchor=section.at[""].line)

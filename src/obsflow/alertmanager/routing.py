"""The routing tree: which routes an alert takes, and under which keys its groups are known."""

import enum

import attrs

from obsflow.alertmanager.index import MatcherIndex, Memo
from obsflow.model.durations import HOUR_MS, MINUTE_MS, SECOND_MS
from obsflow.model.labels import Labels, quote
from obsflow.model.matchers import Matcher, all_match

GROUP_BY_ALL = "..."
_FEW = 4  # children are tried one by one


@attrs.frozen
class Route:
    """A node of the tree with the options in effect there; durations in ms.

    `key` is the path of matchers from the root, which siblings with the same matchers share; `id` adds the position of
    each node and is unique.
    """

    receiver: str
    key: str = "{}"
    id: str = "{}"
    matchers: tuple[Matcher, ...] = ()
    group_by: frozenset[str] = frozenset()
    group_by_all: bool = False
    group_wait_ms: int = 30 * SECOND_MS
    group_interval_ms: int = 5 * MINUTE_MS
    repeat_interval_ms: int = 4 * HOUR_MS
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    continue_: bool = False
    labels: Labels = attrs.field(factory=Labels)
    routes: "tuple[Route, ...]" = ()

    def matches(self, labels: Labels) -> bool:
        """Whether the node's own matchers pass the label set."""
        return all_match(self.matchers, labels)

    def match(self, labels: Labels) -> "tuple[Route, ...]":
        """The routes that an alert takes from here down, depth first; empty if this node does not match."""
        if not self.matches(labels):
            return ()
        taken: list[Route] = []
        for child in self.routes:
            below = child.match(labels)
            taken.extend(below)
            if below and not child.continue_:
                break
        return tuple(taken) or (self,)

    def group_labels(self, labels: Labels) -> Labels:
        """The labels by which this route groups the alert; those that it does not have are left out."""
        return labels if self.group_by_all else labels.only(self.group_by)

    def group_key(self, group_labels: Labels) -> str:
        """The key of a group, as it stands in a notification: `{}/{team="a"}:{alertname="b"}`."""
        return f"{self.key}:{render_label_set(group_labels)}"

    def walk(self) -> "tuple[Route, ...]":
        """The node and all below it, depth first."""
        return (self, *(node for child in self.routes for node in child.walk()))


class VisitOutcome(enum.Enum):
    """What became of an alert at a route."""

    TAKEN = "taken"  # the alert is grouped here
    PASSED_DOWN = "passed down"  # it matches, and so does a route below
    MISMATCH = "mismatch"
    NOT_REACHED = "not reached"  # a sibling before it matches and does not continue


@attrs.frozen
class Visit:
    """One step of a walk through the tree; `mismatch` is the first matcher that does not pass, if that is why."""

    route: Route
    outcome: VisitOutcome
    mismatch: Matcher | None = None


def trace(route: Route, labels: Labels) -> tuple[Visit, ...]:
    """Why an alert takes the routes that it takes: each that was looked at and each that was cut off, depth first.

    Nothing is said of what lies below a route that does not match or is not reached.
    """
    mismatch = next((matcher for matcher in route.matchers if not matcher.matches_labels(labels)), None)
    if mismatch is not None:
        return (Visit(route, VisitOutcome.MISMATCH, mismatch),)
    below: list[Visit] = []
    is_open, is_taken_below = True, False
    for child in route.routes:
        visits = trace(child, labels) if is_open else (Visit(child, VisitOutcome.NOT_REACHED),)
        below.extend(visits)
        if is_open and visits[0].outcome is not VisitOutcome.MISMATCH:
            is_taken_below, is_open = True, child.continue_
    return (Visit(route, VisitOutcome.PASSED_DOWN if is_taken_below else VisitOutcome.TAKEN), *below)


def render_label_set(labels: Labels) -> str:
    """`{a="1", b="2"}`, sorted by name; the metric name is a label like any other here."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"


def render_matchers(matchers: tuple[Matcher, ...]) -> str:
    """`{a="1",b=~"2"}`, in the given order, as a step of a route's key."""
    return "{" + ",".join(map(render_matcher, matchers)) + "}"


_RESERVED = frozenset("{}!=~,\\\"'`\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}


def render_matcher(matcher: Matcher) -> str:
    """`a="1"` as Alertmanager writes it: a name is quoted only if it would not be read otherwise, unlike in PromQL."""
    if _RESERVED.isdisjoint(matcher.name):
        value = matcher.value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        return f'{matcher.name}{matcher.op.value}"{value}"'
    return f"{quote(matcher.name)}{matcher.op.value}{quote(matcher.value)}"


Taken = tuple[tuple[Route, Labels], ...]  # routes, each with the labels of a group there


class Router:
    """Routes label sets through a tree, whose broad nodes it indexes; `root` is the tree.

    What it found is remembered until it is told to forget: an alert is sent again and again.
    """

    def __init__(self, root: Route) -> None:
        self.root = root
        self._children = {
            id(route): MatcherIndex((i, child.matchers) for i, child in enumerate(route.routes))
            for route in root.walk()
            if len(route.routes) > _FEW
        }
        nodes = root.walk()
        names = {matcher.name for node in nodes for matcher in node.matchers}.union(*(node.group_by for node in nodes))
        self._route = Memo(self._find, None if any(node.group_by_all for node in nodes) else names)

    def route(self, labels: Labels) -> Taken:
        """The routes that an alert takes, each with the labels of its group there."""
        return self._route[labels]

    def forget(self) -> None:
        """Remember no more which label sets take which routes: there are others now."""
        self._route.clear()

    def _find(self, labels: Labels) -> Taken:
        if not self.root.matches(labels):
            return ()
        return tuple([(route, route.group_labels(labels)) for route in self._below(self.root, labels)])

    def _below(self, route: Route, labels: Labels) -> list[Route]:
        """The routes taken from a node that matches, depth first."""
        taken: list[Route] = []
        for child in self._matching(route, labels):
            taken += self._below(child, labels)
            if not child.continue_:
                break
        return taken or [route]

    def _matching(self, route: Route, labels: Labels) -> list[Route]:
        index = self._children.get(id(route))
        if index is None:
            return [child for child in route.routes if child.matches(labels)]
        return [route.routes[i] for i in index.find(labels)]

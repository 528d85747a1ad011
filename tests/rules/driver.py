"""What the tests drive groups with: scripted query results, and a loop over virtual time."""

from obsflow.errors import QueryError
from obsflow.model.labels import Labels
from obsflow.promql import parse
from obsflow.rules import AlertingRule, GroupMachine, RecordingRule, RuleGroup

MINUTE = 60_000


class Script:
    """An evaluator whose answers are a function of rule and time; QueryError where it returns None."""

    def __init__(self, answer):
        self._answer = answer
        self.asked = []
        self.queries = []

    def evaluate(self, rule, time):
        self.asked.append((rule.name, time))
        vector = self._answer(rule.name, time)
        if vector is None:
            raise QueryError("the query failed")
        return vector

    def query(self, text, time):
        self.queries.append((text, time))
        if text == "fail":
            raise QueryError("no such thing")
        return [(Labels(i="b"), 11.0), (Labels(i="a", __value__="x"), 21.5)] if text != "none" else []


def alerting(name="Down", expr="up == 0", **more):
    return AlertingRule(name, parse(expr), **more)


def recording(name="job:up:sum", expr="sum by (job) (up)", **more):
    return RecordingRule(name, parse(expr), **more)


def machine(rules, answer, *, limit=0, labels=None, query_offset_ms=None, start=0, interval_ms=MINUTE, **more):
    group = RuleGroup("g", "rules.yml", None, query_offset_ms, limit, labels or {}, tuple(rules))
    evaluator = answer if isinstance(answer, Script) else Script(answer)
    return GroupMachine(group, evaluator, interval_ms=interval_ms, offset_ms=0, start=start, **more)


def run(group, until):
    """All effects with the time at which they came, up to and including `until`."""
    out = []
    while (now := group.next_timer()) is not None and now <= until:
        out += [(now, effect) for effect in group.poll(now)]
    return out


def of_kind(effects, kind):
    return [effect for _, effect in effects if isinstance(effect, kind)]

"""What the loop carries out itself."""

from obsflow.flow.evaluators import InstantEvaluator
from obsflow.flow.loop import Flow, SampleRejected
from obsflow.model.labels import Labels
from obsflow.query.engine import Engine
from obsflow.rules import GroupMachine, load_rules
from obsflow.tsdb.memory import TSDB

RULES = """
groups:
- name: g
  interval: 10s
  rules:
  - {record: both, expr: 'min(a >= 0)'}
  - {record: both, expr: 'max(b)'}
"""


def test_the_first_rule_to_write_a_series_at_an_instant_wins():
    """What a second rule writes there is lost and told; a stale marker is lost without a word, and can win too."""
    store = TSDB()
    for time, a, b in ((0, 1.0, 2.0), (10_000, -1.0, 3.0), (20_000, -1.0, 4.0), (30_000, 5.0, 5.0)):
        store.append({"__name__": "a"}, time, a)
        store.append({"__name__": "b"}, time, b)
    (group,) = load_rules(RULES, "f").groups
    evaluator = InstantEvaluator(Engine(store, default_step_ms=10_000))
    machine = GroupMachine(group, evaluator, interval_ms=10_000, offset_ms=0, start=0)

    effects = [effect for _, effect in Flow([machine], None, store).run(30_000)]

    both = Labels(__name__="both")
    assert [(each.time, each.labels, each.value) for each in effects if isinstance(each, SampleRejected)] == [
        (0, both, 2.0),
        (10_000, both, 3.0),
    ]
    answers = [Engine(store, default_step_ms=10_000).query("both", time).vector() for time in (0, 10_000, 20_000)]
    assert answers == [[(both, 1.0)], [], [(both, 4.0)]]

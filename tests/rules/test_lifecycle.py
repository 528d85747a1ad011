"""The table of an alert's life."""

import itertools
import pathlib

import pytest

from obsflow.errors import StateError
from obsflow.model.labels import Labels
from obsflow.model.transitions import draw_diagram, draw_table
from obsflow.rules import AlertState, GroupReloaded, RuleGroup, Transition, TransitionReason
from obsflow.rules.lifecycle import TABLE, Action, Observation, advance
from tests.rules.driver import MINUTE, alerting, machine, of_kind, run

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "alert-lifecycle.md"
CELLS = list(itertools.product(AlertState, Observation))


@pytest.mark.parametrize(("state", "observation"), [cell for cell in CELLS if cell not in TABLE])
def test_impossible_cells_raise(state, observation):
    """An observation that cannot be made in a state is an error, and names both."""
    with pytest.raises(StateError, match=state.value):
        advance(state, observation)


@pytest.mark.parametrize(("state", "observation"), list(TABLE))
def test_legal_cells_are_sound(state, observation):
    """A cell has a reason exactly if it changes the state, and one that does not does nothing."""
    step = advance(state, observation)

    assert (step.reason is not None) is (step.next is not state)
    assert step.next is not state or not step.actions
    assert (Action.REMOVE in step.actions) is (step.next is AlertState.INACTIVE)
    assert (Action.RESOLVE in step.actions) is (step.next is AlertState.RESOLVED is not state)


def test_every_state_is_reached():
    """From inactive, the arrows lead to every state and back."""
    reached = {AlertState.INACTIVE}
    for _ in AlertState:
        reached |= {step.next for (state, _), step in TABLE.items() if state in reached}

    assert reached == set(AlertState)


def test_every_reason_is_given():
    """No reason is there for nothing."""
    assert {step.reason for step in TABLE.values()} - {None} == set(TransitionReason)


SEEN, AWAY = True, False
TRACES = {
    # `for`, keep_firing_for, then for each minute: is the condition true, or (for, keep) for a reload before it
    (AlertState.INACTIVE, Observation.WAITING): (2, 0, [SEEN]),
    (AlertState.INACTIVE, Observation.HELD): (0, 0, [SEEN]),
    (AlertState.PENDING, Observation.HELD): (1, 0, [SEEN, SEEN]),
    (AlertState.PENDING, Observation.GONE): (1, 0, [SEEN, AWAY]),
    (AlertState.FIRING, Observation.WAITING): (0, 0, [SEEN, (5, 0), SEEN]),
    (AlertState.FIRING, Observation.KEEPING): (0, 3, [SEEN, AWAY]),
    (AlertState.FIRING, Observation.DEMOTING): (0, 3, [SEEN, (5, 3), AWAY]),
    (AlertState.FIRING, Observation.GONE): (0, 0, [SEEN, AWAY]),
    (AlertState.KEPT, Observation.WAITING): (0, 3, [SEEN, AWAY, (5, 3), SEEN]),
    (AlertState.KEPT, Observation.HELD): (0, 3, [SEEN, AWAY, SEEN]),
    (AlertState.KEPT, Observation.DEMOTING): (0, 3, [SEEN, AWAY, (5, 3), AWAY]),
    (AlertState.KEPT, Observation.GONE): (0, 2, [SEEN, AWAY, AWAY, AWAY]),
    (AlertState.RESOLVED, Observation.WAITING): (1, 0, [SEEN, SEEN, AWAY, SEEN]),
    (AlertState.RESOLVED, Observation.HELD): (0, 0, [SEEN, AWAY, SEEN]),
    (AlertState.RESOLVED, Observation.EXPIRED): (0, 0, [SEEN, AWAY, *[AWAY] * 16]),
}


def test_every_change_has_a_trace():
    """The traces cover every cell that changes a state; limits and restarts have their own tests."""
    elsewhere = (None, TransitionReason.LIMIT, TransitionReason.RESTORED, TransitionReason.RESTORED_KEPT)
    changes = {cell for cell, step in TABLE.items() if step.reason not in elsewhere}

    assert set(TRACES) == changes


@pytest.mark.parametrize("cell", list(TRACES), ids=lambda cell: f"{cell[0].value}: {cell[1].value}")
def test_a_rule_takes_each_step_of_the_table(cell):
    """Evaluating a rule minute by minute comes to the cell, takes its step, and says why."""
    for_minutes, keep_minutes, script = TRACES[cell]
    present = []
    group = machine([rule_of(for_minutes, keep_minutes)], lambda _name, _time: [(Labels(i="a"), 1.0)] * present[-1])
    effects = []
    for entry in script:
        if isinstance(entry, tuple):
            group.receive(GroupReloaded(RuleGroup("g", rules=(rule_of(*entry),))), 0)
            continue
        present.append(entry)
        effects = run(group, group.next_timer())
    (last,) = of_kind(effects, Transition)

    step = TABLE[cell]
    assert (last.from_state, last.to_state, last.reason) == (cell[0], step.next, step.reason)


LIMITED = {
    # `for`, keep_firing_for, then for each minute the alerts that there are; the limit is two
    AlertState.PENDING: (5, 0, ["a", "abc"]),
    AlertState.FIRING: (0, 0, ["a", "abc"]),
    AlertState.KEPT: (0, 5, ["ab", "a", "acd"]),
    AlertState.RESOLVED: (0, 0, ["ab", "a", "acd"]),
}


@pytest.mark.parametrize("state", list(LIMITED))
def test_more_alerts_than_the_limit_forget_those_in_every_state(state):
    """Alerts of each state that is remembered are cleared, also the one that is not among the too many."""
    for_minutes, keep_minutes, script = LIMITED[state]
    rule = rule_of(for_minutes, keep_minutes)
    group = machine([rule], lambda _name, time: [(Labels(i=i), 1.0) for i in script[time // MINUTE]], limit=2)
    last = (len(script) - 1) * MINUTE
    run(group, last - MINUTE)
    before = {alert.labels["i"]: alert.state for alert in group.rules[0].alerts}
    cleared = of_kind(run(group, last), Transition)

    assert state in before.values()
    assert {each.labels["i"]: each.from_state for each in cleared} == before
    assert {(each.to_state, each.reason) for each in cleared} == {(AlertState.INACTIVE, TransitionReason.LIMIT)}
    assert group.rules[0].alerts == ()


def rule_of(for_minutes, keep_minutes):
    return alerting(for_ms=for_minutes * MINUTE, keep_firing_for_ms=keep_minutes * MINUTE)


def test_the_document_shows_the_table():
    """The diagram and the table in the documentation are those of the code."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert f"```mermaid\n{draw_diagram(TABLE, AlertState.INACTIVE)}```\n" in text
    assert draw_table(TABLE, AlertState, Observation) in text

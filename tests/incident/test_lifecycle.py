"""The table of an incident's life."""

import itertools
import pathlib
import re

import pytest

from obsflow.errors import StateError
from obsflow.incident import IncidentReason, IncidentState, Observation
from obsflow.incident.lifecycle import TABLE, Action, advance
from obsflow.model.transitions import draw_diagram, draw_table
from tests.incident.samples import load

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "incidents.md"
CELLS = list(itertools.product(IncidentState, Observation))


@pytest.mark.parametrize(("state", "observation"), [cell for cell in CELLS if cell not in TABLE])
def test_what_the_table_does_not_allow_is_refused(state, observation):
    """An empty cell is an error that names the state and the observation."""
    with pytest.raises(StateError, match=f"{state.value}: {observation.value}"):
        advance(state, observation)


@pytest.mark.parametrize(("state", "observation"), list(TABLE))
def test_legal_cells_are_sound(state, observation):
    """A cell has a reason exactly if it changes the state; what leads to triggered pages, what ends says so."""
    step = advance(state, observation)
    changes = step.next is not state

    assert (step.reason is not None) is changes
    assert (Action.CLOSE in step.actions) is (changes and step.next is IncidentState.RESOLVED)
    assert not changes or bool({Action.START, Action.RESUME, Action.NEXT} & {*step.actions}) is (
        step.next is IncidentState.TRIGGERED
    )


def test_every_reason_is_given_and_every_action_taken():
    """No reason and no action is there for nothing."""
    assert {step.reason for step in TABLE.values()} - {None} == set(IncidentReason)
    assert {action for step in TABLE.values() for action in step.actions} == set(Action)


def test_sources_are_never_refused():
    """Whatever monitoring says of a key, there is a cell for it."""
    for state in IncidentState:
        for observation in (Observation.TRIGGER, Observation.SOURCE_ACKNOWLEDGE, Observation.SOURCE_RESOLVE):
            assert (state, observation) in TABLE


def test_a_key_that_is_resolved_begins_anew_like_one_that_never_was():
    """Both cells open an incident in the same way."""
    none, resolved = ((state, Observation.TRIGGER) for state in (IncidentState.NONE, IncidentState.RESOLVED))

    assert TABLE[none] == TABLE[resolved]


def test_the_document_shows_the_table():
    """The diagram and the table in the documentation are those of the code."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert f"```mermaid\n{draw_diagram(TABLE, IncidentState.NONE)}```\n" in text
    assert draw_table(TABLE, IncidentState, Observation) in text


def test_the_configuration_in_the_document_is_one():
    """It loads, and its defaults are those that it shows."""
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    defaults = ("acknowledge_timeout: 30m", "changes_within: 1h")
    lines = (line for line in shown.splitlines(keepends=True) if not any(each in line for each in defaults))

    assert load(shown) == load("".join(lines))

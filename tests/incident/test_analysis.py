"""What people say of incidents, read from a file: everything it may hold, and every problem with its place."""

import pathlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError, ObsflowError
from obsflow.incident import (
    ActionItem,
    AddNote,
    Analysis,
    Category,
    Cause,
    FollowUp,
    NoteKind,
    Priority,
    Review,
    load_reviews,
)

REVIEWS = """
incidents:
- incident: 2
- incident: 1
  notes:
  - {at: 1970-01-01T00:02:00Z, by: ada, kind: decision, text: roll back}
  - {at: 60, text: it began}
  analysis:
    started_at: 1970-01-01T00:00:30Z
    mitigated_at: 1970-01-01T00:05:00Z
    impact: payments failed
    why: the limit was too low
    why_not_caught: no alert
    learned: watch memory
    causes: [missing alert, Load testing needed]
    categories: [process issue]
    actions:
    - {text: add alerts, owner: ada, deadline: 1970-01-02, ticket: MON-1, priority: high}
    - text: think
    done: [tests added, added to the knowledge base]
"""


def test_everything_that_a_review_may_hold():
    """By the number of the incident; notes in order of what they tell; a date is the whole day."""
    assert load_reviews(REVIEWS, "r.yml") == {
        2: Review(),
        1: Review(
            (
                AddNote(1, "", "it began", NoteKind.NOTE, 60_000),
                AddNote(1, "ada", "roll back", NoteKind.DECISION, 120_000),
            ),
            Analysis(
                started_at=30_000,
                mitigated_at=300_000,
                impact="payments failed",
                why="the limit was too low",
                why_not_caught="no alert",
                learned="watch memory",
                causes=(Cause.MISSING_ALERT, Cause.LOAD_TESTING),
                categories=(Category.PROCESS,),
                actions=(
                    ActionItem("add alerts", "ada", 2 * 86_400_000 - 1000, "MON-1", Priority.HIGH),
                    ActionItem("think"),
                ),
                done=(FollowUp.TESTS, FollowUp.KNOWLEDGE_BASE),
            ),
        ),
    }


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("incident: 2", "incident: 1", "4:3: incidents[1].incident: incident 1 is reviewed twice"),
        ("incident: 2", "incident: 0", "3:3: incidents[0].incident: incidents are counted from 1, got 0"),
        ("incident: 2", "incidents: 2", '3:3: incidents[0]: "incident" is required'),
        ("kind: decision", "kind: wish", "6:47: incidents[1].notes[0].kind: expected one of note, onset, "),
        ("priority: high", "priority: p1", 'expected one of high, medium, low; got "p1"'),
        ("missing alert", "bad luck", "expected one of missing test case, "),
        ("tests added", "slept", "expected one of wiki updated, "),
        ("1970-01-02,", "soon,", 'cannot parse "soon" as a time'),
        ("owner: ada", "owners: ada", 'unknown field "owners", did you mean "owner"?'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old, new, found):
    """With line and column, what was expected, and what was perhaps meant."""
    with pytest.raises(ConfigError) as caught:
        load_reviews(REVIEWS.replace(old, new, 1), "r.yml")

    assert any(found in str(problem) and problem.line for problem in caught.value.problems)


def test_every_problem_is_told_at_once():
    """In the order of the text."""
    text = REVIEWS.replace("kind: decision", "kind: wish").replace("high", "p1").replace("tests added", "slept")
    with pytest.raises(ConfigError) as caught:
        load_reviews(text, "r.yml")

    assert [problem.line for problem in caught.value.problems] == [6, 18, 20]


@pytest.mark.parametrize("text", ["", "incidents:", "incidents: []"])
def test_nobody_says_anything(text):
    """An empty file is a file."""
    assert load_reviews(text, "r.yml") == {}


def test_an_action_says_what_it_lacks():
    """Who, until when, how soon, and where it is tracked."""
    assert ActionItem("x").lacks == ("owner", "deadline", "priority", "ticket")
    assert ActionItem("x", "ada", 0, "T-1", Priority.LOW).lacks == ()


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_text_is_reviews_or_an_error_of_ours(data):
    """Lines cut, repeated and replaced."""
    lines = REVIEWS.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(
            st.sampled_from(["", lines[at][1:], lines[at] + ": x", "- " + lines[at], "[", "{a: b}"])
            | st.text(max_size=9)
        )
    try:
        reviews = load_reviews("\n".join(lines), "r.yml")
    except ObsflowError:
        return
    assert all(isinstance(review, Review) for review in reviews.values())


def test_the_example_of_the_page_is_a_review():
    """The YAML under "Afterwards" is read as it stands."""
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "incidents.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(incidents:\n- incident: .*?)```", page, re.DOTALL)
    review = load_reviews(text, "incidents.md")[1]

    assert review.analysis.actions[0].lacks == ()
    assert (review.notes[0].kind, review.analysis.done) == (NoteKind.DECISION, (FollowUp.TESTS,))

"""The six questions and their seven outcomes."""

import pytest

from obsflow.adapters.routes import load_alertmanager
from obsflow.model.labels import Labels
from obsflow.quality import (
    QUESTIONS,
    Answer,
    AnswersFile,
    Evidence,
    Firings,
    Outcome,
    ReviewedConfig,
    Settings,
    check_rules,
    count_firings,
    decide,
    load_answers,
    review,
    reviewed_rules,
)
from obsflow.rules import AlertState, Transition, TransitionReason
from tests.quality.cases import alert, group_text, rule_file

GOOD = {"AQ1": True, "AQ2": False, "AQ3": True, "AQ4": True, "AQ5": True, "AQ6": True}

TABLE = [
    ({}, Outcome.DEPLOY),
    ({"AQ1": False}, Outcome.TICKET),
    ({"AQ2": True}, Outcome.AUTOMATE),
    ({"AQ3": False}, Outcome.RETHINK),
    ({"AQ4": False}, Outcome.REFINE),
    ({"AQ5": False}, Outcome.ADD_CONTEXT),
    ({"AQ6": False}, Outcome.ADJUST),
]


def answers(changes):
    return {question: Answer(value, "because") for question, value in (GOOD | changes).items()}


@pytest.mark.parametrize(("changes", "outcome"), TABLE)
def test_the_first_wrong_answer_is_the_outcome(changes, outcome):
    """Seven outcomes; all good is the seventh."""
    found = decide("a", answers(changes))

    assert (found.outcome, found.open) == (outcome, ())


def test_the_table_has_every_outcome_once():
    """Each question but for none has its own."""
    assert {outcome for _, outcome in TABLE} == set(Outcome)
    assert len(QUESTIONS) == 6


@pytest.mark.parametrize("later", range(1, 6))
def test_an_earlier_question_decides_before_a_later_one(later):
    """In the order in which they are asked."""
    ids = [question.id for question in QUESTIONS]
    wrong = {each: not GOOD[each] for each in ids[later - 1 :]}

    assert decide("a", answers(wrong)).outcome is QUESTIONS[later - 1].otherwise


@pytest.mark.parametrize(
    ("changes", "outcome", "provisional", "still_open"),
    [
        ({"AQ1": None}, None, Outcome.DEPLOY, ("AQ1",)),
        ({"AQ1": None, "AQ4": False}, None, Outcome.REFINE, ("AQ1",)),
        ({"AQ3": None, "AQ2": True}, Outcome.AUTOMATE, Outcome.AUTOMATE, ()),
        ({"AQ6": None}, None, Outcome.DEPLOY, ("AQ6",)),
    ],
)
def test_what_is_unknown_is_never_guessed(changes, outcome, provisional, still_open):
    """There is no outcome while a question before it is open; one after it does not matter."""
    found = decide("a", answers(changes))

    assert (found.outcome, found.provisional, found.open) == (outcome, provisional, still_open)


def test_questions_that_nobody_answers_stay_open():
    """Nothing is read into silence."""
    assert decide("a", {}).open == tuple(question.id for question in QUESTIONS)


def reviewed(*rules, evidence=None, settings=None):
    file = rule_file(group_text(*rules))
    seen = evidence or Evidence(check_rules([file]))
    return [review(rule, seen) for rule in reviewed_rules((file,), settings or Settings())]


STATED = {"review_immediate": "yes", "review_automatable": "no", "review_actionable": "Yes"}
CONTEXT = {"summary": "s", "runbook_url": "u"}


def test_an_author_answers_by_annotations():
    """Yes and no; anything else says nothing."""
    (found,) = reviewed(alert("a > 1", annotations=STATED | CONTEXT))
    (vague,) = reviewed(alert("a > 1", annotations=STATED | CONTEXT | {"review_actionable": "maybe"}))

    assert found.outcome is Outcome.DEPLOY
    assert (vague.outcome, vague.open) == (None, ("AQ3",))


def test_an_answers_file_goes_before_annotations():
    """Also what would be worked out can be stated there."""
    file = load_answers("alerts: {Alert: {automatable: yes, clear: no}}", "answers.yml")
    (found,) = reviewed(alert("a > 1", annotations=STATED | CONTEXT), evidence=Evidence(answers=file))

    assert found.outcome is Outcome.AUTOMATE
    assert found.answers["AQ4"].value is False


@pytest.mark.parametrize(
    ("rule", "question", "value"),
    [
        (alert("a > 1"), "AQ4", True),
        (alert("a > 1", **{"for": None}), "AQ4", False),
        (alert("count(a) == 0"), "AQ4", False),
        (alert("a_total > 1"), "AQ4", True),
        (alert("a"), "AQ4", False),
        (alert("a > 1"), "AQ5", True),
        (alert("a > 1", annotations={"dashboard": "u"}), "AQ5", True),
        (alert("a > 1", annotations={"summary": "s"}), "AQ5", False),
        (alert("vector(1)", labels={"severity": "none"}, annotations=None), "AQ5", True),
        (alert("a > 1"), "AQ6", True),
        (alert("a > 1", labels=None), "AQ6", False),
        (alert("a > 1", labels={"severity": "sev1"}), "AQ6", False),
        (alert("a > 1", labels={"severity": "{{ $labels.severity }}"}), "AQ6", None),
    ],
)
def test_what_can_be_worked_out_is(rule, question, value):
    """A clear signal, enough context, a known severity."""
    (found,) = reviewed(rule)

    assert found.answers[question].value is value


CONFIG = """
route:
  receiver: mail
  routes:
  - {matchers: [severity=critical, team=a], receiver: pager}
  - {matchers: [severity=critical], receiver: chat}
  - {matchers: [severity=warning, team=a], receiver: chat}
  - {matchers: [severity=warning, team=b], receiver: pager}
receivers:
- {name: mail, email_configs: [{to: a@example.com, from: b@example.com, smarthost: 'localhost:25'}]}
- {name: pager, pagerduty_configs: [{routing_key: k}]}
- {name: chat, slack_configs: [{channel: '#c', api_url: 'http://example.com'}]}
"""


@pytest.mark.parametrize(
    ("severity", "team", "value"),
    [
        ("critical", "a", True),
        ("critical", "b", False),
        ("warning", "a", True),
        ("warning", "b", False),
        ("warning", "c", False),
        ("info", "a", True),
        ("none", "a", True),
    ],
)
def test_a_severity_must_reach_its_kind_of_channel(severity, team, value):
    """Critical pages, warning goes to chat, info is mailed."""
    file = rule_file(group_text(alert("a > 1", labels={"severity": severity, "team": team})))
    rules = reviewed_rules((file,), Settings())
    config = ReviewedConfig.load(CONFIG, "alertmanager.yml", load_alertmanager, rules)

    assert review(rules[0], Evidence(config=config)).answers["AQ6"].value is value


def transition(minute, before, after):
    """A change of the one alert."""
    return Transition(
        minute * 60_000, "g", "Alert", Labels(a="b"), before, after, 1.0, TransitionReason.CONDITION_TRUE, 0
    )


def firings(*spans):
    """The transitions of an alert that fires from and until these minutes."""
    for start, end in spans:
        yield transition(start, AlertState.INACTIVE, AlertState.PENDING)
        yield transition(start, AlertState.PENDING, AlertState.FIRING)
        yield transition(end, AlertState.FIRING, AlertState.RESOLVED)


@pytest.mark.parametrize(
    ("spans", "expected", "flapping"),
    [
        ([], {}, None),
        ([(0, 10)], {"Alert": Firings(1, 0)}, False),
        ([(0, 10), (60, 70)], {"Alert": Firings(2, 0)}, False),
        ([(0, 10), (25, 30)], {"Alert": Firings(2, 1)}, False),
        ([(0, 10), (25, 30), (31, 32)], {"Alert": Firings(3, 2)}, True),
        ([(0, 10), (26, 30)], {"Alert": Firings(2, 0)}, False),
    ],
)
def test_flapping_is_counted(spans, expected, flapping):
    """An alert that comes back within a quarter of an hour has flapped."""
    found = count_firings(firings(*spans))

    assert found == expected
    if flapping is not None:
        assert found["Alert"].is_flapping is flapping


def test_an_alert_that_flaps_is_not_clear():
    """What a backtest saw goes into the answer."""
    rule = alert("a > 1", annotations=STATED | CONTEXT)
    (calm,) = reviewed(rule, evidence=Evidence(firings={}, answers=AnswersFile()))
    (flapping,) = reviewed(rule, evidence=Evidence(firings={"Alert": Firings(9, 5)}))

    assert calm.outcome is Outcome.DEPLOY
    assert flapping.outcome is Outcome.REFINE
    assert "5 of them" in flapping.answers["AQ4"].reason

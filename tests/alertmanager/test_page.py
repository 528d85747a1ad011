"""The page on the router says what its tables say."""

import itertools
import pathlib
import re

import attrs

from obsflow.alertmanager import Limits, Silence, SilenceState, parse_matchers
from obsflow.alertmanager.log import RULES, LogEntry, Question, decide
from obsflow.alertmanager.routing import render_matcher
from obsflow.alertmanager.silences import ENDED, can_update
from obsflow.errors import MatcherSyntaxError

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "alertmanager.md").read_text("utf-8")

# What the sentences of the page mean, of a question.
CONDITIONS = {
    "something fires, nothing was logged as firing": lambda q: q.firing and not q.logged.firing,
    "something fires that was not logged as firing": lambda q: q.firing - q.logged.firing,
    "nothing fires, something was logged as firing": lambda q: not q.firing and q.logged.firing,
    "nothing fires": lambda q: not q.firing,
    "something resolved that was not logged as resolved, and `send_resolved`": (
        lambda q: q.send_resolved and q.resolved - q.logged.resolved
    ),
    "`repeat_interval` is over": lambda q: q.is_repeat_due,
    "always": lambda _: True,
}


def rows(heading):
    """The cells of the table under a heading, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_whether_it_is_news():
    """Of every question about two alerts the page gives the answer of the code."""
    told = [(CONDITIONS[condition], reason) for _, condition, reason in rows("Whether it is news")]
    assert [reason for _, reason in told] == [reason.value for reason, _ in RULES]
    sets = [frozenset(each) for n in range(3) for each in itertools.combinations("ab", n)]
    for logged_firing, logged_resolved, firing, resolved in itertools.product(sets, repeat=4):
        for sends, is_due in itertools.product((False, True), repeat=2):
            question = Question(LogEntry(0, 0, logged_firing, logged_resolved, 1), firing, resolved, sends, is_due)
            expected = next(reason for applies, reason in told if applies(question))
            assert decide(question).value == expected


def test_the_life_of_a_silence():
    """Each column is a state, and what the page says of changes and ends is what happens."""
    spans = {SilenceState.PENDING: (20, 30), SilenceState.ACTIVE: (0, 30), SilenceState.EXPIRED: (0, 5)}
    now = 10
    told = {row[0]: row[1:] for row in rows("The life of a silence")}
    for column, (state, (start, end)) in enumerate(spans.items()):
        silence = Silence("1", parse_matchers("a=b"), start, end)
        assert silence.state(now) is state
        changes = [attrs.evolve(silence, ends_at=end + more, comment="x") for more in (0, 10)]
        in_place = told["changed, same matchers"][column].startswith("in place")
        assert [can_update(silence, each, now) for each in changes] == [in_place] * 2
        assert not can_update(silence, attrs.evolve(silence, matchers=parse_matchers("a=c")), now)
        ended = ENDED[state](silence, now)
        assert {
            "never begins": (now, now),
            "ends now": (start, now),
            "stays as it is": (start, end),
        }[told["expired by somebody"][column]] == (ended.starts_at, ended.ends_at)


def test_the_grammars_of_matchers():
    """Each cell is what that grammar makes of the list, tabs as they are."""
    section = PAGE.partition("### Matchers\n")[2].partition("\n#")[0]
    table = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "`" in line]
    table = [row for row in table if len(row) == 4]
    assert len(table) == 6
    for text, *told in table:
        for grammar, cell in zip(({"classic": True}, {"utf8": True}, {}), told, strict=True):
            try:
                said = ",".join(map(render_matcher, parse_matchers(text, **grammar)))
            except MatcherSyntaxError:
                said = "refused"
            assert said == cell, (text, grammar)


def test_limits():
    """Every limit has its row."""
    fields = [re.fullmatch("`(.*)`", row[0])[1] for row in rows("Limits")]
    assert fields == [each.name for each in attrs.fields(Limits)]

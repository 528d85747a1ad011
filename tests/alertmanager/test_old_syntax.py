"""What a configuration still says in old words: that it loads, what is said of it, and where."""

import pytest

from obsflow.alertmanager import ALERTMANAGER_0_25, OBSFLOW, Compat
from obsflow.alertmanager.old_syntax import OldSyntax
from obsflow.errors import ConfigError
from tests.alertmanager.loop import load

ROUTE = "route:\n  receiver: a\n  routes:\n  - %s\nreceivers: [{name: a}]\n"
RULE = "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules:\n- %s\n"


def old(text, compat=OBSFLOW):
    warnings = load(text, compat).warnings
    assert all(isinstance(each, OldSyntax) for each in warnings)
    return [(each.line, each.column, each.path, each.message) for each in warnings]


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (
            ROUTE % "match: {team: a, env: 'it''s'}",
            [
                (
                    4,
                    5,
                    "route.routes[0].match",
                    """"match" is deprecated: say matchers: ['team="a"', 'env="it''s"']""",
                )
            ],
        ),
        (
            ROUTE % "match_re: {team: a|b}",
            [(4, 5, "route.routes[0].match_re", """"match_re" is deprecated: say matchers: ['team=~"a|b"']""")],
        ),
        (
            RULE % "source_match: {a: b}\n  target_match_re: {c: d.*}",
            [
                (
                    4,
                    3,
                    "inhibit_rules[0].source_match",
                    """"source_match" is deprecated: say source_matchers: ['a="b"']""",
                ),
                (
                    5,
                    3,
                    "inhibit_rules[0].target_match_re",
                    """"target_match_re" is deprecated: say target_matchers: ['c=~"d.*"']""",
                ),
            ],
        ),
        (
            RULE % "source_match_re: {a: b}\n  target_match: {c: d}",
            [
                (
                    4,
                    3,
                    "inhibit_rules[0].source_match_re",
                    """"source_match_re" is deprecated: say source_matchers: ['a=~"b"']""",
                ),
                (
                    5,
                    3,
                    "inhibit_rules[0].target_match",
                    """"target_match" is deprecated: say target_matchers: ['c="d"']""",
                ),
            ],
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\nmute_time_intervals: [{name: x}]\n",
            [
                (
                    3,
                    1,
                    "mute_time_intervals",
                    '"mute_time_intervals" is deprecated: move what it holds to "time_intervals"',
                )
            ],
        ),
        (
            ROUTE % "matchers: [a=b, 'c=d e']",
            [
                (
                    4,
                    5,
                    "route.routes[0].matchers[1]",
                    (
                        "only the classic grammar reads c=d e as it is meant "
                        '(4:5: unexpected e: expected a comma or close brace): say c="d e"'
                    ),
                )
            ],
        ),
        (
            RULE % "target_matchers: ['a=\"\\xf0\"']",
            [
                (
                    4,
                    3,
                    "inhibit_rules[0].target_matchers[0]",
                    (
                        'only the classic grammar reads a="\\xf0" as it is meant '
                        '(2:8: "\\xf0": invalid input): say a="\\\\xf0"'
                    ),
                )
            ],
        ),
        (ROUTE % "matchers: [a=b, 'c=~\"d|e\"', '{f!=g}']", []),
        (RULE % "source_matchers: [a=b]\n  target_matchers: [c=d]", []),
        ("route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: x}]\n", []),
    ],
)
def test_what_is_said_of_old_words(text, warnings):
    """Where each stands, and what to say instead."""
    assert old(text) == warnings


def test_what_is_to_be_said_instead_means_the_same():
    """The advice, taken, gives the same routes and no more advice."""
    text = ROUTE % "match: {a: b}\n    match_re: {c: 'd|e'}\n    matchers: ['f=g h', 'i=\"\\t\"']"
    new = ROUTE % """matchers: ['a="b"', 'c=~"d|e"', 'f="g h"', 'i="\\\\t"']"""
    before, after = (load(each).route.routes[0] for each in (text, new))
    assert len(old(text)) == 4
    assert old(new) == []
    assert [(m.name, m.op, m.value.removeprefix("^(?:").removesuffix(")$")) for m in before.matchers] == [
        (m.name, m.op, m.value) for m in after.matchers
    ]


def test_under_025_no_grammar_is_old():
    """There is one grammar there, and some keys are old all the same."""
    assert old(ROUTE % "matchers: ['c=d e']", ALERTMANAGER_0_25) == []
    assert len(old(ROUTE % "match: {c: d}", ALERTMANAGER_0_25)) == 1


def test_only_the_newer_grammar():
    """Where it is asked for, what only the classic grammar reads is refused, and its reading of the rest counts."""
    strict = Compat(utf8_matchers=True)
    with pytest.raises(ConfigError, match="4:5: unexpected e: expected a comma or close brace"):
        load(ROUTE % "matchers: ['c=d e']", strict)
    (route,) = load(ROUTE % "matchers: ['c=\"\\t\"']", strict).route.routes
    assert route.matchers[0].value == "\t"

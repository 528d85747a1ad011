"""Whether some label set passes, and comes to a route: against trying many."""

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.adapters.routes import load_alertmanager
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp, all_match
from obsflow.quality import ReviewedConfig, check_config
from obsflow.quality.reach import can_pass
from obsflow.quality.routes import final_routes
from obsflow.quality.shapes import AlertShape

VALUES = ("", "a", "b", "ab", "ba", "c")
matchers = st.builds(
    Matcher,
    st.sampled_from("xy"),
    st.sampled_from(list(MatchOp)),
    st.sampled_from(["", "a", "b", "a|b", "a.*", ".*b", ".+", ".*", "^(?:a|c)$"]),
)
conjunctions = st.lists(matchers, max_size=3).map(tuple)


@given(conjunctions, st.lists(conjunctions, max_size=4))
@settings(deadline=None, max_examples=400)
def test_what_can_pass_is_never_called_impossible(asked, blockers):
    """If one of many label sets passes, the answer is yes."""
    sets = [Labels({"x": x, "y": y}) for x, y in itertools.product(VALUES, repeat=2)]
    found = any(all_match(asked, each) and not any(all_match(b, each) for b in blockers) for each in sets)

    assert can_pass(asked, blockers) or not found


@given(conjunctions, st.lists(conjunctions, max_size=4))
@settings(deadline=None, max_examples=400)
def test_with_the_values_given_the_answer_is_exact(asked, blockers):
    """Nothing is guessed where it is known what a label may be."""
    given_values = {"x": frozenset(("a", "ba")), "y": frozenset(("", "c"))}
    sets = [Labels({"x": x, "y": y}) for x in ("a", "ba") for y in ("", "c")]
    found = any(all_match(asked, each) and not any(all_match(b, each) for b in blockers) for each in sets)

    assert can_pass(asked, blockers, given_values) is found


def test_many_patterns_are_taken_to_be_passable():
    """What would take too long to work out is not called impossible."""
    many = tuple(Matcher("x", MatchOp.REGEX, f"{c}.*") for c in "abcdefghijklmnop")

    assert can_pass(many)


def routes_above(inner):
    return st.fixed_dictionaries(
        {
            "receiver": st.just("r"),
            "matchers": st.lists(matchers.map(str), max_size=2),
            "continue": st.booleans(),
            "routes": inner,
        }
    )


trees = st.recursive(st.just([]), lambda inner: st.lists(routes_above(inner), max_size=4), max_leaves=8)


@given(trees)
@settings(deadline=None, max_examples=200)
def test_routes_are_reached_as_the_router_says(routes):
    """No alert takes a route that is called unreachable, and the routes of a known label set are those it takes."""
    text = json.dumps({"route": {"receiver": "r", "routes": routes}, "receivers": [{"name": "r"}]})
    config = ReviewedConfig.load(text, "alertmanager.yml", load_alertmanager)
    places = {(each.line, each.column) for each in check_config(config) if each.code == "M501"}
    unreachable = {node.route.id for node in config.routes if (node.place().line, node.place().column) in places}
    for x, y in itertools.product(VALUES, repeat=2):
        taken = {route.id for route in config.config.route.match(Labels(x=x, y=y))}
        shape = AlertShape("", "", 0, {"x": frozenset((x,)), "y": frozenset((y,))})

        assert not taken & unreachable
        assert {node.route.id for node in final_routes(config, shape)} == taken

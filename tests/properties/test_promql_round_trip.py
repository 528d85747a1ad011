"""What the printers write, the parser reads."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.promql.trees import expressions

from obsflow.promql import PROMQLTEST, parse
from obsflow.promql.ast import MatrixSelector
from obsflow.promql.formatter import format_query
from obsflow.promql.inspect import value_type, walk
from obsflow.promql.lexer import tokenize
from obsflow.promql.printer import render


@settings(max_examples=100, deadline=None)
@given(expressions())
def test_a_rendered_tree_parses_to_itself(tree):
    """Rendering loses nothing but the spans."""
    assert parse(render(tree), PROMQLTEST) == tree


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_layout_changes_no_meaning(tree):
    """A query over several lines is the query on one."""
    assert parse(format_query(tree), PROMQLTEST) == tree


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_spans_cut_out_what_they_are_of(tree):
    """The text under a node's span, parsed by itself, is the node."""
    text = render(tree)
    for node, ancestors in walk(parse(text, PROMQLTEST)):
        if any(isinstance(above, MatrixSelector) for above in ancestors[-1:]):
            continue  # its modifiers stand behind the range
        again = parse(text[node.span[0] : node.span[1]], PROMQLTEST)
        assert again == node
        assert value_type(again) is value_type(node)


@settings(max_examples=60, deadline=None)
@given(expressions(), st.sampled_from([" ", "\n\t", "# a comment (\n"]))
def test_space_and_comments_change_no_meaning(tree, gap):
    """Between any two tokens, also inside braces; but no comment inside brackets, or between `fill` and its value."""
    spaced, depth, is_plain = "", 0, False
    text = render(tree)
    for token in tokenize(text):
        spaced += (" " if depth or is_plain else gap) + text[token.start : token.end]
        depth += (token.word == "[") - (token.word == "]")
        is_plain = token.word.startswith("fill")
    assert parse(spaced, PROMQLTEST) == tree


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_keywords_know_no_case(tree):
    """Those of operators, aggregations and modifiers; the names of functions and metrics do."""
    text = render(tree)
    tokens = tokenize(text)
    shouted = " ".join(
        token.text.upper() if token.word in {"and", "or", "unless", "by", "without", "on", "offset"} else token.text
        for token in tokens
    )
    assert render(parse(shouted, PROMQLTEST)).lower() == text.lower()

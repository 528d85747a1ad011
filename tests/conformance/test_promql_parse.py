"""Queries that other people wrote: which of them parse, and that printing them loses nothing."""

import json
import re

import attrs
import pytest

from obsflow.errors import QuerySyntaxError
from obsflow.promql import PROMQLTEST, Dialect, parse
from obsflow.promql.ast import VectorSelector, children, with_children
from obsflow.promql.formatter import format_query
from obsflow.promql.printer import render
from tests.conformance.corpora.expressions import CORPORA, corpus_expressions
from tests.external import shared

RECORDED = Dialect(experimental_functions=True, extended_range_selectors=True)
CUT_OFF = {"{'foo\\'bar', ", "`"}
"""Two inputs of the collection end in the middle of a string, where their source was put together from pieces."""

_INSTANT = re.compile(r"eval\S*\s+instant\s+at\s+\S+\s+(.*)")
_RANGE = re.compile(r"eval\S*\s+range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+\s+(.*)")


def parses(text, dialect):
    try:
        parse(text, dialect)
    except QuerySyntaxError:
        return False
    return True


def sort_matchers(node):
    """The tree as it is after printing, which sorts the matchers of a selector."""
    if isinstance(node, VectorSelector):
        named = 1 if node.name else 0
        return attrs.evolve(node, matchers=node.matchers[:named] + tuple(sorted(node.matchers[named:], key=str)))
    return with_children(node, tuple(map(sort_matchers, children(node))))


def assert_round_trips(text, dialect):
    tree = parse(text, dialect)
    canonical = render(tree)
    assert parse(canonical, dialect) == sort_matchers(tree), text
    assert render(parse(canonical, dialect)) == canonical
    assert parse(format_query(tree), dialect) == sort_matchers(tree), text


def test_recorded_verdicts():
    """Every recorded expression parses, or is refused, as it does in Prometheus."""
    lines = shared("conformance", "promql-parse.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    wrong = [case["input"] for case in cases if parses(case["input"], RECORDED) is not case["ok"]]

    assert len(cases) > 200
    assert set(wrong) == CUT_OFF


def test_queries_of_the_test_scripts():
    """Every evaluated expression parses, also where evaluation then has to fail."""
    queries = []
    for path in sorted(shared("conformance", "promqltest").glob("*.test")):
        for line in path.read_text(encoding="utf-8").splitlines():
            match = _INSTANT.match(line.strip()) or _RANGE.match(line.strip())
            queries += [match[1]] if match else []

    assert len(queries) > 1400
    for query in queries:
        assert_round_trips(query, PROMQLTEST)


@pytest.mark.parametrize("corpus", CORPORA)
def test_rules_that_people_run(corpus):
    """Every expression parses with a server's defaults."""
    expressions = corpus_expressions(corpus)

    assert len(expressions) > 80
    for expression in expressions:
        assert_round_trips(expression, Dialect())

"""PromQL as a language: text to tree, types, and back to text."""

from obsflow.promql.ast import Expr
from obsflow.promql.dialect import PROMETHEUS, PROMQLTEST, Dialect
from obsflow.promql.formatter import format_query
from obsflow.promql.parser import parse_syntax
from obsflow.promql.printer import render
from obsflow.promql.types import check

__all__ = ["PROMETHEUS", "PROMQLTEST", "Dialect", "Expr", "format_query", "parse", "render"]


def parse(text: str, dialect: Dialect = PROMETHEUS) -> Expr:
    """The tree of a query, its types checked.

    The text may span lines and hold comments. Raises QuerySyntaxError, which holds the text and the span at fault.
    """
    return check(parse_syntax(text, dialect), text)

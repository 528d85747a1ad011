"""The expressions of the rules that people run."""

import yaml

from tests.external import shared

CORPORA = ("awesome-prometheus-alerts", "kube-prometheus")


def corpus_expressions(corpus):
    """The distinct expressions of a corpus, in the order of its files."""
    expressions = {}
    for path in sorted(shared("corpora", corpus).rglob("*.y*ml")):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            expressions.update(dict.fromkeys(rule_expressions(document)))
    return list(expressions)


def rule_expressions(node):
    """What stands as `expr` beside an `alert` or a `record`, anywhere in a document."""
    if isinstance(node, dict):
        if "expr" in node and ("alert" in node or "record" in node):
            yield str(node["expr"])
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from rule_expressions(inner)

"""Where in a document the groups are: a rule file is all groups, a Kubernetes resource holds them somewhere inside."""

from collections.abc import Iterator

import attrs

from obsflow.schema import Document, MapNode, Node, Position, ScalarNode, SeqNode

RESOURCE_KIND = "PrometheusRule"
LIST_KINDS = frozenset({"List", "PrometheusRuleList"})


@attrs.frozen
class Section:
    """A part of a document that reads as a rule file: its path, and the name that tells its groups from others."""

    node: Node
    source: str
    path: str = ""


def find_sections(document: Document) -> Iterator[Section]:
    """The parts that hold groups: the `spec` of a resource or of each in a list, or else the whole document.

    Resources of other kinds in a list are passed over. Two resources may have groups of one name, as the operator
    makes a file of each.
    """
    root = document.root or MapNode({}, {}, Position(document.source, 1, 1))
    if _text(root, "kind") == RESOURCE_KIND and (spec := _entry(root, "spec")) is not None:
        yield Section(spec, document.source, "spec")
    elif _text(root, "kind") in LIST_KINDS and isinstance(items := _entry(root, "items"), SeqNode):
        for i, item in enumerate(items.items):
            kind = _text(item, "kind") or (RESOURCE_KIND if _text(root, "kind") != "List" else "")
            if kind == RESOURCE_KIND and (spec := _entry(item, "spec")) is not None:
                yield Section(spec, f"{document.source}#{_name(item) or i}", f"items[{i}].spec")
    else:
        yield Section(root, document.source)


def _name(resource: Node) -> str:
    metadata = _entry(resource, "metadata")
    return "/".join(part for key in ("namespace", "name") if (part := _text(metadata, key)))


def _entry(node: Node | None, key: str) -> Node | None:
    return node.entries.get(key) if isinstance(node, MapNode) else None


def _text(node: Node | None, key: str) -> str:
    entry = _entry(node, key)
    return entry.text if isinstance(entry, ScalarNode) and not entry.is_null else ""

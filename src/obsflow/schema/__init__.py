"""YAML and JSON documents → frozen objects, with errors that say file, line, column and what was expected."""

from obsflow.schema.decode import decode, decode_document, field, positions, rest
from obsflow.schema.nodes import Document, MapNode, Node, Position, ScalarNode, SeqNode, compose

__all__ = [
    "Document",
    "MapNode",
    "Node",
    "Position",
    "ScalarNode",
    "SeqNode",
    "compose",
    "decode",
    "decode_document",
    "field",
    "positions",
    "rest",
]

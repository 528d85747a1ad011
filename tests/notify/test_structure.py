"""Structures whose texts are templates."""

import pytest

from obsflow.notify.structure import render_structure


@pytest.mark.parametrize(
    ("rendered", "value"),
    [
        ("plain", "plain"),
        ("12", 12),
        ("1.50", 1.5),
        ("~", None),
        ("", None),
        ('"12"', "12"),
        ("'12'", "'12'"),
        ("text # and no comment", "text # and no comment"),
        ("key: value # a comment", {"key": "value"}),
        ("a: b: c", "a: b: c"),
        ('{"a": "b:", "c": "1"}', {"a": "b:", "c": "1"}),
        ("{a: 1, 2: b, yes: c, '3': d, a: 4}", {"a": 4, "3": "d"}),
        ("- x\n- {~: y}", ["x", {}]),
    ],
)
def test_what_a_text_becomes(rendered, value):
    """A document is what it says; a text is one that JSON quotes, and otherwise stays as it is."""
    assert render_structure("template", {"template": rendered}.__getitem__) == value


def test_texts_inside():
    """Keys are templates as well; what is no text stays, and what a template gave is not looked into again."""
    texts = {"k": "key", "v": '{"a": "{{ x }}"}', "1": "1"}
    value = {"k": ["v", 7, None, True, ("1",)]}
    assert render_structure(value, texts.__getitem__) == {"key": [{"a": "{{ x }}"}, 7, None, True, [1]]}

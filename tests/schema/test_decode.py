"""Decoding by declared type: everything wrong is said, with its place."""

from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.errors import ConfigError
from obsflow.model.durations import parse_duration
from obsflow.schema import Position, decode, field, positions


@attrs.frozen
class Item:
    expr: str = field()
    for_ms: int = field(key="for", parse=parse_duration, default=0)
    labels: Mapping[str, str] = field(factory=dict)
    position: Mapping[str, Position] = positions()


@attrs.frozen
class Root:
    items: tuple[Item, ...] = field(default=())
    enabled: bool = field(default=False)
    ratio: float | None = field(default=None)


def test_scalars_are_what_the_field_says():
    """A label value `on` stays text where text is declared, and is true where a boolean is."""
    root = decode(
        Root, "enabled: on\nratio: 1e-3\nitems:\n- {expr: up, for: 5m, labels: {a: on, b: 1:30, c: 010}}", "f"
    )

    assert root.enabled is True
    assert root.ratio == 0.001
    assert root.items[0].for_ms == 300_000
    assert root.items[0].labels == {"a": "on", "b": "1:30", "c": "010"}


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null"])
def test_a_scalar_left_empty_is_as_if_its_key_were_not_there(nothing):
    """It keeps its default, is missed where it is required, and in a list or map is the empty text."""
    text = f"enabled: {nothing}\nratio: {nothing}\nitems:\n- {{expr: up, for: {nothing}, labels: {{a: {nothing}}}}}"
    root = decode(Root, text, "f")
    assert (root.enabled, root.ratio, root.items[0].for_ms, root.items[0].labels) == (False, None, 0, {"a": ""})
    with pytest.raises(ConfigError, match='f:1:10: items\\[0\\]: "expr" is required'):
        decode(Root, f"items: [ {{expr: {nothing}}} ]", "f")
    assert decode(Root, f"items: [{{expr: '{nothing}'}}]", "f").items[0].expr == nothing


def test_positions_are_kept():
    """An object can know where each of its keys was."""
    (item,) = decode(Root, "items:\n- expr: up\n  for: 1m\n", "f").items

    assert (item.position["for"].line, item.position["for"].column) == (3, 3)


def test_every_problem_is_reported_in_order():
    """One bad line does not hide the next."""
    text = "items:\n- {exp: a, for: 5x}\n- {expr: [a]}\n- expr: b\n  labels: 3\nenabeld: true\nitems: 4\n"
    with pytest.raises(ConfigError) as caught:
        decode(Root, text, "rules.yml")

    assert str(caught.value).splitlines() == [
        'rules.yml:2:3: items[0]: "expr" is required',
        'rules.yml:2:4: items[0].exp: unknown field "exp", did you mean "expr"?',
        'rules.yml:2:17: items[0].for: unknown unit "x" in duration "5x"',
        "rules.yml:3:10: items[1].expr: expected a string, got a list",
        'rules.yml:5:11: items[2].labels: expected a mapping, got "3"',
        'rules.yml:6:1: enabeld: unknown field "enabeld", did you mean "enabled"?',
        'rules.yml:7:1: key "items" is already set in line 1',
    ]


def test_anchors_and_merge_keys():
    """Aliases repeat a node, a merge key fills in what is not set."""
    text = "items:\n- &a {expr: up, for: 1m}\n- {<<: *a, for: 2m}\n- *a\n"

    assert [(i.expr, i.for_ms) for i in decode(Root, text, "f").items] == [
        ("up", 60_000),
        ("up", 120_000),
        ("up", 60_000),
    ]


def test_an_alias_bomb_is_refused():
    """A small text that stands for a huge one is an error, not a full memory."""
    layers = "".join(f"k{i}: &a{i} [{', '.join(f'*a{i - 1}' for _ in range(10))}]\n" for i in range(1, 9))
    with pytest.raises(ConfigError, match="aliases"):
        decode(Root, f"k0: &a0 [x]\n{layers}", "f")


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@ \n\t0,?", max_size=60))
def test_any_text_decodes_or_is_a_configuration_error(text):
    """Nothing but a value or a ConfigError comes out."""
    try:
        assert isinstance(decode(Root, text, "f"), Root)
    except ConfigError as error:
        assert error.problems

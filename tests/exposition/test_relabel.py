"""Relabelling rules: what each action does, what a configuration may not say, and that nothing else is raised."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow import Labels
from obsflow.errors import ConfigError
from obsflow.exposition import RelabelAction, RelabelConfig, relabel
from obsflow.schema import decode

ABC = {"a": "foo", "b": "bar", "c": "baz"}
B12 = {"a": "foo", "b1": "bar", "b2": "baz"}
LINES = {"a": "line1\nline2", "b": "bar"}
PORTS = {"__tmp_port": "1234", "__port1": "1234", "__port2": "5678"}
TAGS = {"__meta_sd_tags": "path:/secret,job:some-job,label:foo=bar"}
NAME = {"a": "some-name-value"}


def rule(action="replace", source="", **fields):
    return RelabelConfig(action=action, source_labels=tuple(filter(None, source.split(","))), **fields)


CASES = {
    "replace": (
        ABC,
        [rule(source="a", regex="f(.*)", target_label="d", replacement="ch${1}-ch${1}")],
        {**ABC, "d": "choo-choo"},
    ),
    "several sources, and rules that follow each other": (
        ABC,
        [
            rule(source="a,b", regex="f(.*);(.*)r", target_label="a", replacement="b${1}${2}m"),
            rule(source="c,a", regex="(b).*b(.*)ba(.*)", target_label="d", replacement="$1$2$2$3"),
        ],
        {**ABC, "a": "boobam", "d": "boooom"},
    ),
    "a drop ends it": ({"a": "foo"}, [rule("drop", "a", regex=".*o.*"), rule(source="a", target_label="d")], None),
    "a group in the middle": (
        {"a": "abc"},
        [rule(source="a", regex=".*(b).*", target_label="d")],
        {"a": "abc", "d": "b"},
    ),
    "drop without a match": ({"a": "foo"}, [rule("drop", "a", regex="no-match")], {"a": "foo"}),
    "drop where only a part matches": ({"a": "foo"}, [rule("drop", "a", regex="f|o")], {"a": "foo"}),
    "drop one of several": ({"a": "foo"}, [rule("drop", "a", regex="bar|foo")], None),
    "keep without a match": ({"a": "foo"}, [rule("keep", "a", regex="no-match")], None),
    "keep": ({"a": "foo"}, [rule("keep", "a", regex="f.*")], {"a": "foo"}),
    "replace without a match": (
        {"a": "boo"},
        [rule(source="a", regex="f", target_label="b", replacement="bar")],
        {"a": "boo"},
    ),
    "an empty replacement removes": (
        {"a": "foo", "f": "baz"},
        [rule(source="a", regex="(f).*", target_label="$1", replacement="$2")],
        {"a": "foo"},
    ),
    "hashmod": (ABC, [rule("hashmod", "c", target_label="d", modulus=1000)], {**ABC, "d": "976"}),
    "hashmod of a line feed": (
        {"a": "foo\nbar"},
        [rule("hashmod", "a", target_label="b", modulus=1000)],
        {"a": "foo\nbar", "b": "734"},
    ),
    "labelmap": (
        B12,
        [rule("labelmap", regex="(b.*)", replacement="bar_${1}")],
        {**B12, "bar_b1": "bar", "bar_b2": "baz"},
    ),
    "labelmap of a part": (
        {"a": "foo", "__meta_my_bar": "aaa", "__meta_other": "ccc"},
        [rule("labelmap", regex="__meta_(my.*)", replacement="${1}")],
        {"a": "foo", "__meta_my_bar": "aaa", "__meta_other": "ccc", "my_bar": "aaa"},
    ),
    "labelmap onto one name: the last wins": (
        {"m_a": "1", "n_a": "2", "a": "0"},
        [rule("labelmap", regex="._(a)")],
        {"m_a": "1", "n_a": "2", "a": "2"},
    ),
    "labelmap walks what was set before it last": (
        {"m_a": "1", "n_a": "2"},
        [rule(target_label="m_a", replacement="3"), rule("labelmap", regex="._(a)")],
        {"m_a": "3", "n_a": "2", "a": "3"},
    ),
    "a target from the source": (
        NAME,
        [rule(source="a", regex="some-([^-]+)-([^,]+)", replacement="${2}", target_label="${1}")],
        {**NAME, "name": "value"},
    ),
    "a group that there is not": (
        NAME,
        [rule(source="a", regex="some-([^-]+)-([^,]+)", replacement="${3}", target_label="${1}")],
        NAME,
    ),
    "a target that is empty": (
        NAME,
        [rule(source="a", regex="some-([^-]+)-([^,]+)", replacement="${1}", target_label="${3}")],
        NAME,
    ),
    "tags": (
        TAGS,
        [
            rule(source="__meta_sd_tags", regex="(?:.+,|^)path:(/[^,]+).*", target_label="__metrics_path__"),
            rule(source="__meta_sd_tags", regex="(?:.+,|^)job:([^,]+).*", target_label="job"),
            rule(
                source="__meta_sd_tags",
                regex="(?:.+,|^)label:([^=]+)=([^,]+).*",
                target_label="${1}",
                replacement="${2}",
            ),
        ],
        {**TAGS, "__metrics_path__": "/secret", "job": "some-job", "foo": "bar"},
    ),
    "dropped and made again": (
        {"port_name": "foo", "port": "9091"},
        [
            rule("labeldrop", regex="^port_name$"),
            rule(source="port", regex="(.+)", replacement="metrics", target_label="port_name"),
            rule("keep", "port_name", regex="^metrics$"),
        ],
        {"port": "9091", "port_name": "metrics"},
    ),
    "labelkeep": (B12, [rule("labelkeep", regex="(b.*)")], {"b1": "bar", "b2": "baz"}),
    "labeldrop": (B12, [rule("labeldrop", regex="(b.*)")], {"a": "foo"}),
    "case": (
        {"foo": "bAr123Foo"},
        [rule("uppercase", "foo", target_label="u"), rule("lowercase", "foo", target_label="l")],
        {"foo": "bAr123Foo", "u": "BAR123FOO", "l": "bar123foo"},
    ),
    "case of letters that Python makes two of": (
        {"foo": "ßŉᾳİΣ"},
        [rule("uppercase", "foo", target_label="u"), rule("lowercase", "foo", target_label="l")],
        {"foo": "ßŉᾳİΣ", "u": "ßŉᾼİΣ", "l": "ßŉᾳi\u03c3"},
    ),
    "keepequal": (PORTS, [rule("keepequal", "__tmp_port", target_label="__port1")], PORTS),
    "keepequal of others": (PORTS, [rule("keepequal", "__tmp_port", target_label="__port2")], None),
    "dropequal": (PORTS, [rule("dropequal", "__tmp_port", target_label="__port1")], None),
    "dropequal of others": (PORTS, [rule("dropequal", "__tmp_port", target_label="__port2")], PORTS),
    "a point matches a line feed": (
        LINES,
        [rule(source="a", regex="line1.*line2", target_label="d", replacement="match${1}")],
        {**LINES, "d": "match"},
    ),
    "names in UTF-8": (
        {"utf-8.label": "line1\nline2"},
        [rule(source="utf-8.label", regex="line1.*line2", target_label="ö.x${1}", replacement="match")],
        {"utf-8.label": "line1\nline2", "ö.x": "match"},
    ),
    "named groups": (
        LINES,
        [
            rule(source="a", regex="(line1).*(?P<second>line2)", target_label="l1_${1}", replacement="v_${second}"),
            rule(source="a", regex="(line1).*(?P<second>line2)", target_label="l2_$1", replacement="v_$second"),
        ],
        {**LINES, "l1_line1": "v_line2", "l2_line1": "v_line2"},
    ),
    "nothing is left": ({"a": "1"}, [rule("labeldrop", regex="a")], {}),
    "no source": ({"a": "1"}, [rule(target_label="b", replacement="c")], {"a": "1", "b": "c"}),
}


@pytest.mark.parametrize("case", CASES)
def test_actions(case):
    """Each action gives what Prometheus gives; None where the series is dropped."""
    labels, rules, expected = CASES[case]
    found = relabel(Labels(labels), rules)
    assert found == (None if expected is None else Labels(expected))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "replace action requires 'target_label' value"),
        ("{action: lowercase}", "lowercase action requires 'target_label' value"),
        ("{action: nothing}", 'unknown relabel action "nothing"'),
        ("{action: hashmod, target_label: a}", "hashmod requires non-zero modulus"),
        ("{action: hashmod, target_label: a, modulus: -1}", "modulus must be from 0"),
        ("{action: uppercase, target_label: a, replacement: b}", "'replacement' can not be set for uppercase action"),
        ("{action: labelmap, replacement: ''}", "\"\" is invalid 'replacement' for labelmap action"),
        ("{action: keepequal, target_label: a, regex: b}", "keepequal action requires only 'source_labels'"),
        ("{action: dropequal, target_label: a, separator: b}", "dropequal action requires only 'source_labels'"),
        ("{action: labeldrop, source_labels: [a]}", "labeldrop action requires only 'regex'"),
        ("{action: labelkeep, target_label: a}", "labelkeep action requires only 'regex'"),
        ("{target_label: a, regex: '('}", "invalid regular expression"),
        ("{target_label: a, regex: 'a)(b'}", "invalid regular expression"),
        ("{target_label: a, source_labels: ['']}", "not a valid label name"),
        ("{target_label: a, regexp: b}", 'unknown field "regexp", did you mean "regex"?'),
    ],
)
def test_what_is_no_rule(text, message):
    """The error says where the rule is and what is wrong with it."""
    with pytest.raises(ConfigError, match=r"rules\.yml:1:1") as error:
        decode(RelabelConfig, text, "rules.yml")
    assert message in str(error.value)


def test_every_problem_at_once():
    """All that is wrong with a rule is told."""
    with pytest.raises(ValueError, match=r"hashmod requires.*target_label.*invalid regular expression"):
        RelabelConfig(action="hashmod", regex="(")


def test_a_rule_as_it_is_written():
    """Defaults, words in any case, an explicitly empty regex, and numbers where a text is meant."""
    found = decode(RelabelConfig, "{source_labels: [a], regex: '', action: Keep, separator: '', replacement: 7}", "x")
    assert found == RelabelConfig(("a",), "", "", 0, "", "7", RelabelAction.KEEP)
    assert found.action is RelabelAction.KEEP


names = st.sampled_from(["a", "b", "__name__", "le", "ü", ""])
texts = st.text("abAÜ$1{}().*;|\\\n", max_size=8)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(names.filter(bool), texts, max_size=4),
    st.builds(dict, action=st.sampled_from([each.value for each in RelabelAction])),
    st.fixed_dictionaries(
        {},
        optional={
            "source_labels": st.lists(names, max_size=3).map(tuple),
            "separator": texts,
            "regex": texts,
            "modulus": st.integers(-1, 1 << 64),
            "target_label": texts,
            "replacement": texts,
        },
    ),
)
def test_any_rule(labels, action, fields):
    """A rule is refused with a ValueError, or gives a label set: sorted, and without what is empty."""
    try:
        config = RelabelConfig(**action, **fields)
    except ValueError:
        return
    found = relabel(Labels(labels), [config])
    if found is not None:
        assert found == Labels(dict(found))
        assert all(found.values())

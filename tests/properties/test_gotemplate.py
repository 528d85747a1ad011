"""Properties of templates: any text is a template or a syntax error, any execution is a text or a template error."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.gotemplate.shapes import FUNCTIONS, sample, templates

from obsflow.errors import TemplateError, TemplateSyntaxError
from obsflow.gotemplate.builtins import escape_html
from obsflow.gotemplate.htmlescapers import strip_tags
from obsflow.gotemplate.parser import parse

_PIECES = st.sampled_from(
    (
        *"(){}|.$,\"'`<>=/ \n\\&%-+1",
        *("{{", "}}", "{{-", "-}}", "{{/*", "*/}}", "{{ . }}", "{{ end }}", "{{ else }}", "{{ break }}"),
        *("{{ if .Labels }}", "{{ range .Alerts }}", "{{ with .Receiver }}", "{{ range $i, $e := .Labels }}"),
        *('{{ define "x" }}', '{{ template "x" . }}', '{{ block "y" . }}', "{{ $x := ", "$x", "nil", "true", "1e3"),
        *(
            "printf ",
            '"%d %-5s|%+v" ',
            "index ",
            "slice ",
            "len ",
            "eq ",
            "and ",
            "call ",
            "html ",
            ".Labels",
            ".Alerts",
        ),
        *(
            ".Greet ",
            ".Nope",
            ".StartsAt",
            "'a'",
            "0x1f",
            '<a href="',
            "<script>",
            "</script>",
            "<p title=",
            "<!--",
            "-->",
        ),
        *("<style>", "url(", "?q=", "/*", "//", "é", "\x00", "\ud800"),
    )
)
_TEXTS = st.one_of(
    st.lists(_PIECES, max_size=12).map("".join),
    st.lists(_PIECES, max_size=6).map(lambda pieces: "{{" + "".join(pieces) + "}}"),
    st.text(max_size=30).map(lambda text: "{{" + text + "}}"),
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(_TEXTS, st.booleans())
@settings(max_examples=200, deadline=None)
def test_text_or_error(text, html):
    """Nothing but TemplateSyntaxError comes out of parsing, and nothing but TemplateError out of executing."""
    try:
        template = templates(html=html, max_output=10_000).parse(text)
    except TemplateSyntaxError as error:
        assert 0 <= error.span[0] <= error.span[1] <= len(text)
        assert str(error)
        return
    try:
        assert isinstance(template.execute(sample()), str)
    except TemplateError as error:
        assert str(error)


@given(_VALUES, st.sampled_from("vdsqxXtfgeUcbo"), st.sampled_from(["", "+", "#", "-8", "08", "5.2", " ", "+.3"]))
@settings(max_examples=200, deadline=None)
def test_every_value_prints_under_every_verb(value, verb, flags):
    """`printf` gives a text for any value, and plain output is what `%v` gives but for nil."""
    set_ = templates()
    assert isinstance(set_.parse(f'{{{{ printf "%{flags}{verb}" . }}}}').execute(value), str)
    if value is not None:
        assert set_.parse("{{ . }}").execute(value) == set_.parse('{{ printf "%v" . }}').execute(value)


@given(st.text())
@example("{{")
@settings(max_examples=100, deadline=None)
def test_text_without_actions_is_itself(text):
    """Text in which no action starts comes out as it went in."""
    text = text.replace("{{", "{")
    assert templates().parse(text).execute(None) == text


@given(st.text(alphabet="<>\"'&ab =/+"))
@settings(max_examples=100, deadline=None)
def test_escaped_text_has_no_markup(text):
    """A value in a page starts no tag and ends no attribute."""
    page = templates(html=True).parse('<p title="{{ . }}" class={{ . }}>{{ . }}</p>').execute(text)
    assert page.count("<") == 2
    assert page.count('"') == 2
    assert strip_tags(escape_html(text)) == escape_html(text)


@given(st.text(alphabet='{}. -$x\n|()1"a', max_size=40))
@settings(max_examples=100, deadline=None)
def test_positions_are_inside_the_text(text):
    """Nodes of a tree lie inside the text that they were parsed from."""
    try:
        definitions = parse(text, "n", FUNCTIONS)
    except TemplateSyntaxError:
        return
    for position in re.findall(r"pos=(\d+)", repr(definitions)):
        assert int(position) <= len(text)

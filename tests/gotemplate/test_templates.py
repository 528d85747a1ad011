"""Sets of templates: definitions, clones, variables, limits, and what data shows of itself."""

from typing import ClassVar

import attrs
import pytest

from obsflow.errors import TemplateError, TemplateSyntaxError
from obsflow.gotemplate.templates import TemplateSet
from obsflow.model.labels import Labels
from tests.gotemplate.shapes import sample, templates


def test_later_definitions_override():
    """A name that is defined again has the later body, for templates that were parsed before, too."""
    set_ = templates()
    caller = set_.parse('{{ template "x" . }}')
    set_.parse('{{ define "x" }}one{{ end }}')
    assert caller.execute(None) == "one"
    set_.parse('{{ define "x" }}two{{ end }}')
    assert caller.execute(None) == "two"


def test_blank_text_replaces_nothing():
    """A file that holds only definitions leaves the template of its own name alone."""
    set_ = templates()
    set_.parse("hello", "main")
    set_.parse('{{ define "x" }}one{{ end }}\n', "main")
    assert set_.lookup("main").execute(None) == "hello"
    assert set_.names() == ("main", "x")
    assert set_.lookup("nope") is None


def test_clone_is_independent():
    """What is parsed into a clone is not in the original, in text as in HTML."""
    for html in (False, True):
        set_ = templates(html=html)
        set_.parse('{{ define "x" }}one{{ end }}')
        clone = set_.clone()
        clone.parse('{{ define "x" }}two{{ end }}')
        assert set_.parse('{{ template "x" }}').execute(None) == "one"
        assert clone.parse('{{ template "x" }}').execute(None) == "two"


def test_undefined_template_fails_when_executed():
    """A call of a template that does not exist parses; executing it is an error."""
    template = templates().parse('{{ if . }}{{ template "nope" }}{{ end }}')
    assert template.execute(None) == ""
    with pytest.raises(TemplateError, match='template "nope" not defined'):
        template.execute(1)


def test_initial_variables():
    """Variables named at parse time are given at execution; `$` still is the data."""
    template = templates().parse(
        "{{ $value }} {{ $labels.job }} {{ $labels.nope }}|{{ $ }}", "a", ("$labels", "$value")
    )
    assert template.execute("data", {"$labels": Labels(job="api"), "$value": 1e6}) == "1e+06 api |data"


def test_variables_are_not_seen_by_called_templates():
    """A template that is called sees its argument only."""
    with pytest.raises(TemplateSyntaxError, match="undefined variable"):
        templates().parse('{{ define "x" }}{{ $value }}{{ end }}', "", ("$value",))


def test_syntax_error_says_where():
    """The error has the message of Go, and the place."""
    with pytest.raises(TemplateSyntaxError) as caught:
        templates().parse("one\n  {{ nope 1 }}", "file.tmpl")
    error = caught.value
    assert error.summary == 'template: file.tmpl:2: function "nope" not defined'
    assert error.position == (2, 6)
    assert error.render_caret() == "  {{ nope 1 }}\n     ^^^^"


def test_only_declared_attributes_are_seen():
    """Attributes that a class does not declare do not exist, whatever their name."""
    for name in ("secret", "Secret", "receiver", "__class__", "__init__", "greet"):
        with pytest.raises(TemplateError, match=f"can't evaluate field {name} in type main.Data"):
            templates().parse("{{ ." + name + " }}").execute(sample())


def test_class_that_declares_nothing():
    """A value of a foreign class can be passed around, not looked into."""

    class Foreign:
        x = 1

    assert templates().parse("{{ if . }}{{ . }}{{ end }}").execute(Foreign()) == "{}"
    with pytest.raises(TemplateError, match="can't evaluate field x in type Foreign"):
        templates().parse("{{ .x }}").execute(Foreign())


def test_subclasses_of_builtins_have_their_kind():
    """A str, int or float of a subclass compares and prints as what it is."""

    class Status(str):
        __slots__ = ()

    assert templates().parse('{{ if eq . "firing" }}{{ . }}{{ end }}').execute(Status("firing")) == "firing"


def test_labels_are_a_map_of_strings():
    """A label that is absent is the empty string."""
    text = '{{ .job }}{{ .nope }}{{ index . "nope" }}{{ range $k, $v := . }}[{{ $k }}={{ $v }}]{{ end }}'
    assert templates().parse(text).execute(Labels(job="api", a="b")) == "api[a=b][job=api]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}', "exceeded maximum template depth"),
        ("{{ range 1000000000 }}{{ end }}", "too many iterations"),
        ("{{ range 2000 }}{{ range 2000 }}{{ end }}{{ end }}", "too many iterations"),
        ('{{ range 100 }}{{ printf "%1000d" 1 }}{{ end }}', "the output is longer than 5000 characters"),
        ("{{ $x := `aa` }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}", "the result is longer than 5000 characters"),
    ],
)
def test_limits(text, message):
    """Templates that would go on for ever, or fill the memory, fail."""
    with pytest.raises(TemplateError, match=message):
        templates(max_output=5000).parse(text).execute(1)


@pytest.mark.parametrize("text", ["{{ if . }}" * 150 + "{{ end }}" * 150, "{{ " + "(" * 150 + "1" + ")" * 150 + " }}"])
def test_nesting_is_limited(text):
    """Too deep a nesting is a syntax error."""
    with pytest.raises(TemplateSyntaxError, match="nested too deeply"):
        templates().parse(text)


def test_errors_of_functions_are_errors_of_the_template():
    """Whatever a function raises becomes a TemplateError that names the call, with the cause."""

    def fail() -> str:
        raise KeyError("x")

    with pytest.raises(TemplateError, match=r"at <fail>: error calling fail: 'x'") as caught:
        TemplateSet({"fail": fail}).parse("{{ fail }}").execute(None)
    assert isinstance(caught.value.__cause__, KeyError)


def test_methods_are_checked_like_functions():
    """A method takes the types that its annotations ask for; constants adapt, values do not."""

    @attrs.frozen
    class Scale:
        __gotype__ = "Scale"
        __gomethods__: ClassVar = {"By": "by"}

        def by(self, factor: float) -> float:
            return 2 * factor

    assert templates().parse("{{ .By 2 }} {{ 1.5 | .By }}").execute(Scale()) == "4 3"
    with pytest.raises(TemplateError, match="wrong type for value; expected float64; got int"):
        templates().parse("{{ $n := 2 }}{{ .By $n }}").execute(Scale())


def test_html_is_escaped_again_when_a_definition_changes():
    """A called template is escaped for where it is called, with the definition of the moment."""
    set_ = templates(html=True)
    set_.parse('{{ define "x" }}{{ . }}{{ end }}')
    template = set_.parse('<a href="?q={{ template "x" . }}">{{ template "x" . }}</a>')
    assert template.execute("a&b") == '<a href="?q=a%26b">a&amp;b</a>'
    set_.parse('{{ define "x" }}[{{ . }}]{{ end }}')
    assert template.execute("a&b") == '<a href="?q=[a%26b]">[a&amp;b]</a>'


def test_arguments_of_methods_see_the_variables_of_their_place():
    """A variable that is declared anew further on does not change what a call before it was given."""
    text = '{{ $x := 1 }}{{ .Greet "a" $x }}{{ $x := "later" }} {{ $x }} {{ .Greet "b" ($y := 2) }}{{ $y }}'
    assert templates().parse(text).execute(sample()) == "a-1 later b-22"


def test_nested_loops_are_escaped_once():
    """Escaping takes a time that does not double with every loop around."""
    text = "{{ range . }}" * 60 + "<b>{{ . }}</b>" + "{{ end }}" * 60
    assert templates(html=True).parse(text).execute(None) == ""

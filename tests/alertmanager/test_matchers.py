"""Matchers as text, in both grammars."""

import pytest

from obsflow.alertmanager import parse_matcher, parse_matchers
from obsflow.errors import MatcherSyntaxError
from obsflow.model.matchers import MatchOp

CLASSIC = {
    "{}": [],
    "": [],
    "{foo='}": ["foo", "=", "'"],
    '{foo=\\"}': ["foo", "=", '"'],
    "{foo=bar}}": ["foo", "=", "bar}"],
    "{foo=bar}},}": ["foo", "=", "bar}}"],
    "{foo=,bar=}}": ["foo", "=", "", "bar", "=", "}"],
    "{foo=bar\\t}": ["foo", "=", "bar\\t"],
    "{foo=bar\\n}": ["foo", "=", "bar\n"],
    "{foo=bar\\}": ["foo", "=", "bar\\"],
    "tricky=~~~": ["tricky", "=~", "~~"],
    'trickier==\\\\=\\=\\"': ["trickier", "=", '=\\=\\="'],
    "{foo=": ["foo", "=", ""],
    "{foo=}b": ["foo", "=", "}b"],
    '{foo = "bar", dings != "bums", }': ["foo", "=", "bar", "dings", "!=", "bums"],
    '{foo="bar,quux", job!~"a|b"}': ["foo", "=", "bar,quux", "job", "!~", "a|b"],
    ' foo =~ "x.*" ': ["foo", "=~", "x.*"],
    "foo=bar,": ["foo", "=", "bar"],
    "a:b=c": ["a:b", "=", "c"],
    '{foo="\\xf0\\x9f\\x99\\x82"}': ["foo", "=", "\\xf0\\x9f\\x99\\x82"],  # the classic reading stands
    "{foo=!bar,bar=$baz\\n}": ["foo", "=", "!bar", "bar", "=", "$baz\n"],
}
UTF8 = {
    "{foo🙂=bar,bar=baz🙂}": ["foo🙂", "=", "bar", "bar", "=", "baz🙂"],
    '{"foo bar"="baz"}': ["foo bar", "=", "baz"],
    '"a\\u00e9\\x41\\101"!~"\\U0001f642|\\t"': ["aéAA", "!~", "🙂|\t"],
    "Σ=s, 00=t,": ["Σ", "=", "s", "00", "=", "t"],
}


def triples(matchers):
    return [part for each in matchers for part in (each.name, each.op.value, each.value)]


@pytest.mark.parametrize("text", CLASSIC)
def test_the_classic_grammar(text):
    """It is lenient with braces and backslashes, and its reading stands where both grammars have one."""
    assert triples(parse_matchers(text)) == CLASSIC[text]
    assert triples(parse_matchers(text, classic=True)) == CLASSIC[text]


@pytest.mark.parametrize("text", UTF8)
def test_the_utf8_grammar(text):
    """It reads what the classic grammar refuses."""
    assert triples(parse_matchers(text)) == UTF8[text]
    with pytest.raises(MatcherSyntaxError):
        parse_matchers(text, classic=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",", "bad matcher format: "),
        ("{,}", "bad matcher format: "),
        ("foo", "bad matcher format: foo"),
        ("{{foo=", "bad matcher format: {foo="),
        ('job="value', 'matcher value contains unescaped double quote: "value'),
        ('job=va"lue', 'matcher value contains unescaped double quote: va"lue'),
        ('{invalid-name = "x"', 'bad matcher format: invalid-name = "x"'),
        ('foo=~"("', "invalid regular expression"),
        ('{"a"="\\w"}', 'bad matcher format: "a"="\\w"'),
        ('{"a"="\\xff"}', 'bad matcher format: "a"="\\xff"'),
        ('"a"=~"("', 'bad matcher format: "a"=~"("'),
        ('"a"="b" "c"', 'bad matcher format: "a"="b" "c"'),
        ('"a"="b"}', 'bad matcher format: "a"="b"'),
    ],
)
def test_what_is_no_matcher_is_told_in_the_classic_words(text, message):
    """An error has the text of the classic grammar, and the place of what is wrong."""
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matchers(text)
    assert caught.value.message.startswith(message)
    assert 0 <= caught.value.span[0] <= caught.value.span[1] <= len(text)


def test_the_place_of_an_error_is_the_matcher():
    """In a list the span is that of the one matcher which does not parse."""
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matchers("{foo=bar, oops}")
    assert caught.value.span == (9, 14)


def test_one_matcher():
    """A text for one matcher has no braces and exactly one."""
    assert parse_matcher("foo!=bar").op is MatchOp.NOT_EQUAL
    assert parse_matcher('"foo bar"=baz').name == "foo bar"
    for text in ("{foo=bar}", "", '"a"=b,"c"=d', "foo"):
        with pytest.raises(MatcherSyntaxError):
            parse_matcher(text)


@pytest.mark.parametrize("text", ['foo="bar"', 'foo!~"a\\\\.b"', '"foo bar"="b\\"az\\n"', 'foo=""'])
def test_a_printed_matcher_reads_as_itself(text):
    """Printing and parsing are inverse."""
    assert str(parse_matcher(text)) == text

"""Matchers as text, in both grammars."""

import pytest

from obsflow.alertmanager import parse_matcher, parse_matchers
from obsflow.alertmanager.matchers import classic_reading, make_matcher
from obsflow.alertmanager.routing import render_matcher
from obsflow.errors import MatcherSyntaxError
from obsflow.model.matchers import MatchOp

# Each text with the triples that it comes to. These both grammars read, and as the same.
BOTH = {
    "": [],
    "{}": [],
    "{foo=bar}": ["foo", "=", "bar"],
    '{foo="bar"}': ["foo", "=", "bar"],
    "{foo=bar,}": ["foo", "=", "bar"],
    "{foo=~bar.*}": ["foo", "=~", "bar.*"],
    '{foo=~"bar.*"}': ["foo", "=~", "bar.*"],
    "{foo!=bar}": ["foo", "!=", "bar"],
    '{foo!="bar"}': ["foo", "!=", "bar"],
    "{foo!~bar.*}": ["foo", "!~", "bar.*"],
    '{foo!~"bar.*"}': ["foo", "!~", "bar.*"],
    "{foo=~[a-z]+}": ["foo", "=~", "[a-z]+"],
    "{foo!~[a-z]+}": ["foo", "!~", "[a-z]+"],
    "{foo=🙂}": ["foo", "=", "🙂"],
    "{foo=🙂bar}": ["foo", "=", "🙂bar"],
    "foo=bar": ["foo", "=", "bar"],
    "foo=bar,": ["foo", "=", "bar"],
    "foo!=bar": ["foo", "!=", "bar"],
    "foo=~[a-z]+": ["foo", "=~", "[a-z]+"],
    "foo!~[a-z]+": ["foo", "!~", "[a-z]+"],
    "{foo=bar,bar!=baz}": ["foo", "=", "bar", "bar", "!=", "baz"],
    '{foo="bar",bar!="baz"}': ["foo", "=", "bar", "bar", "!=", "baz"],
    "foo=bar,bar!=baz": ["foo", "=", "bar", "bar", "!=", "baz"],
    'foo="bar",bar!="baz"': ["foo", "=", "bar", "bar", "!=", "baz"],
    '{foo="bar", baz!="quux"}': ["foo", "=", "bar", "baz", "!=", "quux"],
    '{foo="bar", baz!~"quux.*"}': ["foo", "=", "bar", "baz", "!~", "quux.*"],
    '{foo="bar",baz!~".*quux", derp="wat"}': ["foo", "=", "bar", "baz", "!~", ".*quux", "derp", "=", "wat"],
    '{foo="bar", baz!="quux", derp="wat"}': ["foo", "=", "bar", "baz", "!=", "quux", "derp", "=", "wat"],
    '{foo="bar", baz!~".*quux.*", derp="wat"}': ["foo", "=", "bar", "baz", "!~", ".*quux.*", "derp", "=", "wat"],
    '{foo="bar", instance=~"some-api.*"}': ["foo", "=", "bar", "instance", "=~", "some-api.*"],
    '{foo=""}': ["foo", "=", ""],
    '{foo="bar,quux", job="job1"}': ["foo", "=", "bar,quux", "job", "=", "job1"],
    '{foo = "bar", dings != "bums", }': ["foo", "=", "bar", "dings", "!=", "bums"],
    "foo=bar,dings!=bums": ["foo", "=", "bar", "dings", "!=", "bums"],
    r'{quote="She said: \"Hi, ladies! That\'s gender-neutral…\""}'.replace("\\'", "'"): [
        "quote", "=", 'She said: "Hi, ladies! That\'s gender-neutral…"'
    ],
    'statuscode=~"5.."': ["statuscode", "=~", "5.."],
    r'contains_quote != "\"" , contains_comma !~ "foo,bar" , ': [
        "contains_quote", "!=", '"', "contains_comma", "!~", "foo,bar"
    ],
    ' foo =~ "x.*" ': ["foo", "=~", "x.*"],
    "a:b=c": ["a:b", "=", "c"],
}  # fmt: skip
# These only the classic grammar reads: it takes more as it stands.
CLASSIC_ONLY = {
    "{foo='}": ["foo", "=", "'"],
    "{foo=`}": ["foo", "=", "`"],
    '{foo=\\"}': ["foo", "=", '"'],
    "{foo=\\n}": ["foo", "=", "\n"],
    "{foo=bar\\n}": ["foo", "=", "bar\n"],
    "{foo=\\t}": ["foo", "=", "\\t"],
    "{foo=bar\\t}": ["foo", "=", "bar\\t"],
    "{foo=bar\\}": ["foo", "=", "bar\\"],
    "{foo=bar\\\\}": ["foo", "=", "bar\\"],
    '{foo=bar\\"}': ["foo", "=", 'bar"'],
    "{foo=bar}}": ["foo", "=", "bar}"],
    "{foo=bar}},}": ["foo", "=", "bar}}"],
    "{foo=,bar=}}": ["foo", "=", "", "bar", "=", "}"],
    "tricky=~~~": ["tricky", "=~", "~~"],
    'trickier==\\\\=\\=\\"': ["trickier", "=", '=\\=\\="'],
    "job=": ["job", "=", ""],
    "{foo=": ["foo", "=", ""],
    "{foo=}b": ["foo", "=", "}b"],
    "{foo=bar": ["foo", "=", "bar"],
    "foo=bar}": ["foo", "=", "bar"],
    "{foo=!bar,bar=$baz\\n}": ["foo", "=", "!bar", "bar", "=", "$baz\n"],
    "foo=a b": ["foo", "=", "a b"],
}
# These only the grammar of UTF-8 names reads.
UTF8_ONLY = {
    '{"foo"="bar"}': ["foo", "=", "bar"],
    '{"foo"="bar",}': ["foo", "=", "bar"],
    '{"foo"!="bar"}': ["foo", "!=", "bar"],
    '{"foo"=~"[a-z]+"}': ["foo", "=~", "[a-z]+"],
    '{"foo"=~"\\\\d+"}': ["foo", "=~", "\\d+"],
    '{"foo"!~"[a-z]+"}': ["foo", "!~", "[a-z]+"],
    '{"foo"="🙂"}': ["foo", "=", "🙂"],
    '{"foo"="\\xf0\\x9f\\x99\\x82"}': ["foo", "=", "🙂"],
    '{"foo"="\\U0001f642"}': ["foo", "=", "🙂"],
    '{"foo"="🙂bar"}': ["foo", "=", "🙂bar"],
    '{"foo"="bar\\n"}': ["foo", "=", "bar\n"],
    '{"foo"="bar\\t"}': ["foo", "=", "bar\t"],
    '{"foo"="\\"bar\\""}': ["foo", "=", '"bar"'],
    '{"foo"="bar\\\\"}': ["foo", "=", "bar\\"],
    '"foo"="bar"': ["foo", "=", "bar"],
    '"foo"="bar",': ["foo", "=", "bar"],
    "foo🙂=bar": ["foo🙂", "=", "bar"],
    '{name-with-dashes = "bar"}': ["name-with-dashes", "=", "bar"],
    "{foo🙂=bar,bar=baz🙂}": ["foo🙂", "=", "bar", "bar", "=", "baz🙂"],
    '{"foo bar"="baz"}': ["foo bar", "=", "baz"],
    '"a\\u00e9\\x41\\101"!~"\\U0001f642|\\t"': ["aéAA", "!~", "🙂|\t"],
    "Σ=s, 00=t,": ["Σ", "=", "s", "00", "=", "t"],
}
# These both read, not as the same: what the classic grammar takes literally is an escape to the other.
APART = {
    '{foo="\\xf0\\x9f\\x99\\x82"}': (["foo", "=", "\\xf0\\x9f\\x99\\x82"], ["foo", "=", "🙂"]),
    '{foo="bar\\t"}': (["foo", "=", "bar\\t"], ["foo", "=", "bar\t"]),
}
NEITHER = {
    ",": ("bad matcher format: ", "0:1: unexpected ,: expected label name"),
    "{,}": ("bad matcher format: ", "1:2: unexpected ,: expected label name"),
    "{": (None, "0:1: end of input: expected close brace"),
    "}": (None, "0:1: }: expected opening brace"),
    "foo": ("bad matcher format: foo", "end of input: expected an operator such as '=', '!=', '=~' or '!~'"),
    "{foo!bar}": ("bad matcher format: foo!bar", "4:5: !: expected one of '=~'"),
    "foo!": ("bad matcher format: foo!", "3:4: unexpected end of input, expected one of '=~'"),
    '{foo=:"bar"}': (
        'matcher value contains unescaped double quote: :"bar"',
        '6:11: unexpected "bar": expected a comma or close brace',
    ),
    '{"foo"=~"\\d+"}': ('bad matcher format: "foo"=~"\\d+"', '8:13: "\\d+": invalid input'),
    '{"foo"="\\xf0\\x9f"}': ('bad matcher format: "foo"="\\xf0\\x9f"', '7:17: "\\xf0\\x9f": invalid input'),
    "{{foo=": ("bad matcher format: {foo=", "1:2: unexpected {: expected label name"),
    'job="value': (
        'matcher value contains unescaped double quote: "value',
        '4:10: "value: missing end ": expected label value',
    ),
    'job=value"': (
        'matcher value contains unescaped double quote: value"',
        '9:10: ": missing end ": expected a comma or close brace',
    ),
    'trickier==\\\\=\\=\\""': (
        'matcher value contains unescaped double quote: =\\\\=\\=\\""',
        "9:10: unexpected =: expected label value",
    ),
    'contains_unescaped_quote = foo"bar': (
        'matcher value contains unescaped double quote: foo"bar',
        '30:34: "bar: missing end ": expected a comma or close brace',
    ),
    '{foo=~"invalid[regexp"}': (
        "error parsing regexp: missing closing ]: `[regexp)$`",
        "failed to create matcher: error parsing regexp: missing closing ]: `[regexp)$`",
    ),
    'foo=~"("': (
        "error parsing regexp: missing closing ): `^(?:()$`",
        "failed to create matcher: error parsing regexp: missing closing ): `^(?:()$`",
    ),
    '"{foo=\\"bar"}': ('bad matcher format: "{foo=\\"bar"', "12:13: unexpected }: expected an operator such as '='"),
    '"foo=\\"bar"': ('bad matcher format: "foo=\\"bar"', "end of input: expected an operator such as '='"),
    '"foo=\\"bar\\""': ('bad matcher format: "foo=\\"bar\\""', "end of input: expected an operator such as '='"),
    '"foo=\\"bar\\"': ('bad matcher format: "foo=\\"bar\\"', '0:12: "foo=\\"bar\\": missing end "'),
    '"{foo=\\"bar\\"}"': ('bad matcher format: "{foo=\\"bar\\"}"', "end of input: expected an operator such as '='"),
    '"foo="bar""': ('bad matcher format: "foo="bar""', "6:9: unexpected bar: expected an operator such as '='"),
    '"a"="b" "c"': ('bad matcher format: "a"="b" "c"', '8:11: unexpected "c": expected a comma or close brace'),
    '"a"="b"}': ('bad matcher format: "a"="b"', "0:8: }: expected opening brace"),
    '{"a"="b"} x': ('bad matcher format: "a"="b"} x', "10:11: x: expected end of input"),
    '{"a"="b",,}': ('bad matcher format: "a"="b"', "9:10: unexpected ,: expected a matcher or close brace after comma"),
}
NOT_UTF8 = {
    "foo=bar}": "0:8: }: expected opening brace",
    "{foo=bar": "0:8: end of input: expected close brace",
    "{foo=bar ": "0:8: end of input: expected close brace",
    "{foo=bar,": "0:9: end of input: expected close brace",
    '{foo="bar\\w"}': '5:12: "bar\\w": invalid input',
    "{foo=bar\\n}": "8:9: \\: invalid input: expected a comma or close brace",
    "job=": "end of input: expected label value",
    "{foo=}": "5:6: unexpected }: expected label value",
    "tricky=~~~": "8:9: ~: invalid input: expected label value",
    "`": "0:1: `: invalid input",
}


def triples(matchers):
    return [part for each in matchers for part in (each.name, each.op.value, each.value)]


@pytest.mark.parametrize("text", BOTH)
def test_what_both_grammars_read(text):
    """Most texts mean the same to either, and nothing is said against them."""
    for grammar in ({}, {"classic": True}, {"utf8": True}):
        assert triples(parse_matchers(text, **grammar)) == BOTH[text], grammar
    assert classic_reading(text) == ""


@pytest.mark.parametrize("text", CLASSIC_ONLY)
def test_what_only_the_classic_grammar_reads(text):
    """It is lenient with braces and backslashes; its reading stands, and it is said that nothing else reads it."""
    assert triples(parse_matchers(text)) == triples(parse_matchers(text, classic=True)) == CLASSIC_ONLY[text]
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matchers(text, utf8=True)
    assert classic_reading(text) == caught.value.message


@pytest.mark.parametrize("text", UTF8_ONLY)
def test_what_only_the_utf8_grammar_reads(text):
    """It reads what the classic grammar refuses."""
    assert triples(parse_matchers(text)) == triples(parse_matchers(text, utf8=True)) == UTF8_ONLY[text]
    assert classic_reading(text) == ""
    with pytest.raises(MatcherSyntaxError):
        parse_matchers(text, classic=True)


@pytest.mark.parametrize("text", APART)
def test_where_the_grammars_are_apart(text):
    """The classic reading stands, so that no configuration changes its meaning, and that is said."""
    classic, utf8 = APART[text]
    assert triples(parse_matchers(text)) == triples(parse_matchers(text, classic=True)) == classic
    assert triples(parse_matchers(text, utf8=True)) == utf8
    assert classic_reading(text) == "both grammars read it, but not as the same"


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_no_matcher(text):
    """An error has the text of the classic grammar, unless only the other is asked, and the place of what is wrong."""
    classic, utf8 = NEITHER[text]
    for grammar in ({}, {"classic": True}):
        if classic is not None:
            with pytest.raises(MatcherSyntaxError) as caught:
                parse_matchers(text, **grammar)
            assert caught.value.message == classic
            assert 0 <= caught.value.span[0] <= caught.value.span[1] <= len(text)
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matchers(text, utf8=True)
    assert caught.value.message.startswith(utf8)
    assert 0 <= caught.value.span[0] <= caught.value.span[1] <= len(text)


@pytest.mark.parametrize("text", NOT_UTF8)
def test_the_words_of_the_utf8_grammar(text):
    """They begin with the columns of what is wrong, and say what was expected."""
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matchers(text, utf8=True)
    assert caught.value.message == NOT_UTF8[text]


def test_the_place_of_an_error_is_the_matcher():
    """In a list the span is that of the one matcher which does not parse."""
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matchers("{foo=bar, oops}")
    assert caught.value.span == (10, 14)


ONE = {  # beside those of the lists above that hold one matcher
    "": "bad matcher format: ",
    "{foo=bar}": "unexpected open or close brace: {foo=bar}",
    "foo=bar}": "unexpected open or close brace: foo=bar}",
    "{": "unexpected open or close brace: {",
    "foo!bar": "bad matcher format: foo!bar",
    '"a"=b,"c"=d': 'bad matcher format: "a"=b,"c"=d',
    'foo="\\xf0\\x9f"x': 'matcher value contains unescaped double quote: "\\xf0\\x9f"x',
}
ONE_UTF8 = {
    "": "no matchers",
    " ": "no matchers",
    "foo=bar,bar=baz": "expected 1 matcher, found 2",
    'foo="\\xf0\\x9f"': '4:14: "\\xf0\\x9f": invalid input',
}


@pytest.mark.parametrize(
    "text", [text for text, read in (BOTH | UTF8_ONLY).items() if len(read) == 3 and "{" not in text]
)
def test_one_matcher(text):
    """A text for one matcher is read as a list of one; a trailing comma only the newer grammar takes."""
    assert triples([parse_matcher(text, utf8=True)]) == (BOTH | UTF8_ONLY)[text]
    if not text.endswith(","):
        assert triples([parse_matcher(text)]) == (BOTH | UTF8_ONLY)[text]


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("foo=bar,", ["foo", "=", "bar,"]),
        ("foo=bar,bar=baz", ["foo", "=", "bar,bar=baz"]),
        ("foo=!bar\\n", ["foo", "=", "!bar\n"]),
        ('foo="\\xf0\\x9f\\x99\\x82"', ["foo", "=", "\\xf0\\x9f\\x99\\x82"]),
        ("foo🙂=bar", ["foo🙂", "=", "bar"]),
    ],
)
def test_one_matcher_in_the_classic_reading(text, triple):
    """Which stands where it differs: to it a comma is part of the value."""
    assert triples([parse_matcher(text)]) == triple


@pytest.mark.parametrize(("text", "utf8"), [(text, False) for text in ONE] + [(text, True) for text in ONE_UTF8])
def test_what_is_not_one_matcher(text, utf8):
    """It has no braces, and is exactly one."""
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matcher(text, utf8=utf8)
    assert caught.value.message == (ONE_UTF8 if utf8 else ONE)[text]


TRUTH = [
    ("=", "bar", "bar", True),
    ("=", "bar", "foo-bar", False),
    ("!=", "bar", "bar", False),
    ("!=", "bar", "foo-bar", True),
    ("=~", "bar", "bar", True),
    ("=~", "bar", "foo-bar", False),
    ("=~", ".*bar", "foo-bar", True),
    ("!~", "bar", "bar", False),
    ("!~", "bar", "foo-bar", True),
    ("!~", ".*bar", "foo-bar", False),
    ("=~", "foo.bar", "foo-bar", True),
    ("=~", "foo\\.bar", "foo-bar", False),
    ("=~", "foo\\.bar", "foo.bar", True),
    ("=", "foo\nbar", "foo\nbar", True),
    ("=~", "foo.bar", "foo\nbar", False),
    ("=~", "(?s)foo.bar", "foo\nbar", True),
    ("=", '~!="', '~!="', True),
]


@pytest.mark.parametrize(("op", "value", "label", "passes"), TRUTH)
def test_which_values_pass(op, value, label, passes):
    """A pattern must match the whole value, and its dot no line feed."""
    assert make_matcher("name", MatchOp(op), value).matches(label) is passes


PRINTED = [
    ("foo", "=", "bar", 'foo="bar"'),
    ("foo", "!=", "bar", 'foo!="bar"'),
    ("foo", "=~", "bar", 'foo=~"bar"'),
    ("foo", "!~", "bar", 'foo!~"bar"'),
    ("foo", "=", "back\\slash", 'foo="back\\\\slash"'),
    ("foo", "=", 'double"quote', 'foo="double\\"quote"'),
    ("foo", "=", "new\nline", 'foo="new\\nline"'),
    ("foo", "=", "tab\tstop", 'foo="tab\tstop"'),
    ("foo", "=", "🙂", 'foo="🙂"'),
    ("foo!", "!=", "bar", '"foo!"!="bar"'),
    ("foo🙂", "=", "bar", 'foo🙂="bar"'),
    ("foo bar", "=", "baz", '"foo bar"="baz"'),
]


@pytest.mark.parametrize(("name", "op", "value", "text"), PRINTED)
def test_how_a_matcher_is_written(name, op, value, text):
    """A name is quoted only where it would not be read; the text reads as the matcher."""
    matcher = make_matcher(name, MatchOp(op), value)
    assert render_matcher(matcher) == text
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize(("anchored", "value"), [(True, "^(?:a|b)$"), (False, "a|b")])
def test_a_pattern_shows_its_anchors_where_it_is_asked_to(anchored, value):
    """As those of `match_re` do, in the keys of routes."""
    assert make_matcher("x", MatchOp.REGEX, "a|b", anchored=anchored).value == value


@pytest.mark.parametrize("text", ['foo="bar"', 'foo!~"a\\\\.b"', '"foo bar"="b\\"az\\n"', 'foo=""'])
def test_a_printed_matcher_reads_as_itself(text):
    """Printing and parsing are inverse."""
    assert str(parse_matcher(text)) == text

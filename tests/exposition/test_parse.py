"""Exposition text, fact by fact."""

import contextlib
import math

import numpy as np
import pytest

from obsflow.errors import ExpositionSyntaxError, ParseError
from obsflow.exposition import Exemplar, Family, MetricType, Sample, TextFormat, parse_exposition
from obsflow.model.floats import NORMAL_NAN_BITS, float_bits
from obsflow.model.labels import Labels

PLAIN, OPEN = TextFormat.PLAIN, TextFormat.OPENMETRICS


def read(text, text_format=PLAIN):
    body = text if isinstance(text, bytes) else text.encode()
    return parse_exposition(body + (b"# EOF\n" if text_format is OPEN else b""), text_format)


def rows(text, text_format=PLAIN):
    return [(str(s.labels), s.value, s.time) for s in read(text, text_format).samples()]


BOTH = {
    "a name": ("a 1\n", ("a", 1, None)),
    "a name with colons and digits": (":a:1 1\n", (":a:1", 1, None)),
    "no labels": ("a{} 1\n", ("a", 1, None)),
    "labels": ('a{b="c",d="e"} 1\n', ('a{b="c", d="e"}', 1, None)),
    "labels in another order": ('a{d="e",b="c"} 1\n', ('a{b="c", d="e"}', 1, None)),
    "a comma after the last": ('a{b="c",} 1\n', ('a{b="c"}', 1, None)),
    "an empty value": ('a{b="",c="d"} 1\n', ('a{c="d"}', 1, None)),
    "a quoted label name": ('a{"b c"="d"} 1\n', ('a{"b c"="d"}', 1, None)),
    "a quoted name": ('{"a"} 1\n', ("a", 1, None)),
    "a quoted name first": ('{"a b",c="d"} 1\n', ('a b{c="d"}', 1, None)),
    "a quoted name last": ('{c="d","a b",} 1\n', ('a b{c="d"}', 1, None)),
    "a quoted name with escapes": (r'{"a\"\\\n\x"} 1' + "\n", ('a"\\\n\\x', 1, None)),
    "a quoted name over two lines": ('{"a\nb"} 1\n', ("a\nb", 1, None)),
    "escapes": (r'a{b="\\ \" \n \x \q"} 1' + "\n", (r'a{b="\\ \" \n \\x \\q"}', 1, None)),
    "a NUL in a value": ('a{b="\0"} 1\n', (r'a{b="\x00"}', 1, None)),
    "braces and commas in a value": ('a{b="},{"} 1\n', ('a{b="},{"}', 1, None)),
    "letters beyond ASCII": ('a{b="é"} 1\n', ('a{b="é"}', 1, None)),
    "a time": ("a 1 17\n", ("a", 1, {PLAIN: 17, OPEN: 17000})),
    "infinity in any case": ("a -iNfInItY\n", ("a", -math.inf, None)),
    "an exponent": ("a 1.5E+3\n", ("a", 1500, None)),
}
ONLY_PLAIN = {
    "no last line break": ("a 1", ("a", 1, None)),
    "blanks everywhere": (' \ta { b\t= "c" , } \t1  2\t\n', ('a{b="c"}', 1, 2)),
    "blank lines": ("\n \t\n\na 1\n\n", ("a", 1, None)),
    "comments": ("#\n# \n#x\n# HELPx\n#HELP\n#TYPE a b\n# TYPES\n#\0\na 1\n", ("a", 1, None)),
    "no comma": ('a{b="c" d="e"f="g"} 1\n', ('a{b="c", d="e", f="g"}', 1, None)),
    "a line break in a value": ('a{b="c\nd"} 1\n', (r'a{b="c\nd"}', 1, None)),
    "no blank before the value": ("a{}1\n", ("a", 1, None)),
    "no blank after a name": ("a-1\n", ("a", -1, None)),
    "a time with zeros": ("a 1 007\n", ("a", 1, 7)),
    "a time near the last there is": ("a 1 9223372036854775806\n", ("a", 1, 9223372036854775806)),
    "a TYPE that begins anywhere": ("# TYPE a-gauge\na 1\n", ("a", 1, None)),
}
ONLY_OPEN = {
    "a fraction of a second": ("a 1 1.2345\n", ("a", 1, 1234)),
    "a time before 1970": ("a 1 -1.5\n", ("a", 1, -1500)),
    "towards zero": ("a 1 -0.0009\n", ("a", 1, 0)),
    "a time that nobody stores": ("a 1 1e300\n", ("a", 1, 9223372036854775807)),
    "nor this": ("a 1 -1e300\n", ("a", 1, -9223372036854775808)),
    "_created is a series": ("# TYPE a counter\na_created 17\n", ("a_created", 17, None)),
}


@pytest.mark.parametrize("text_format", TextFormat)
@pytest.mark.parametrize(("text", "row"), BOTH.values(), ids=BOTH.keys())
def test_both_formats(text, row, text_format):
    """What both formats have."""
    labels, value, time = row
    assert rows(text, text_format) == [(labels, value, time[text_format] if isinstance(time, dict) else time)]


@pytest.mark.parametrize(("text", "row"), ONLY_PLAIN.values(), ids=ONLY_PLAIN.keys())
def test_only_plain(text, row):
    """What only the text format has, and OpenMetrics refuses or reads otherwise."""
    assert rows(text) == [row]
    with contextlib.suppress(ExpositionSyntaxError):
        assert rows(text, OPEN) != [row]


@pytest.mark.parametrize(("text", "row"), ONLY_OPEN.values(), ids=ONLY_OPEN.keys())
def test_only_openmetrics(text, row):
    """What only OpenMetrics has."""
    assert rows(text, OPEN) == [row]


HISTOGRAM = (
    ("1", "1.0"), ("0.10", "0.1"), ("+Inf", "+Inf"), ("inf", "+Inf"), ("1000000", "1e+06"),
    ("1e-5", "1e-05"),
    ("-0", "0.0"), ("x", "x"), ("0.1000000000000000055", "0.1"), ("NaN", "NaN"), (" 1", " 1"),
    ("1_0", "1_0"), ("1e400", "1e400"),
)  # fmt: skip


@pytest.mark.parametrize("text_format", TextFormat)
@pytest.mark.parametrize(("written", "kept"), HISTOGRAM)
def test_bounds_are_rewritten_by_type(written, kept, text_format):
    """`le` of a histogram and `quantile` of a summary are the same number in the same words, others as they are."""
    line = f'x{{le="{written}",quantile="{written}"}} 1\n'
    for metric_type, le, quantile in (
        ("histogram", kept, written),
        ("summary", written, kept),
        ("gauge", written, written),
        ("", written, written),
    ):
        text = f"# TYPE another {metric_type}\n" if metric_type else ""
        (sample,) = read(text + line, text_format).samples()
        assert (sample.labels["le"], sample.labels["quantile"]) == (le, quantile)


def test_type_in_force():
    """A TYPE holds until the next, whatever the names."""
    found = read('a{le="1"} 1\n# TYPE h histogram\na{le="1"} 1\n# HELP x y\n# TYPE g gauge\na{le="1"} 1\n')
    assert [s.labels["le"] for s in found.samples()] == ["1", "1.0", "1"]
    assert found.columns.samples.families.tolist() == [-1, 0, 2]


def test_uppercase_sorts_before_the_name():
    """Labels are in order of bytes, `__name__` among them."""
    (sample,) = read('a{Z="1",_="2",b="3"} 1').samples()
    assert list(sample.labels) == ["Z", "_", "__name__", "b"]


def test_a_target_cannot_send_a_stale_marker():
    """There is one NaN."""
    (sample,) = read("a NaN").samples()
    assert float_bits(sample.value) == NORMAL_NAN_BITS


def test_metadata():
    """The last of each word counts, in whatever order they come."""
    text = '# TYPE a counter\n# HELP a old\n# HELP a x \\\\ \\n \\"\n# HELP b\n# HELP c  \n'
    text += '# HELP "d \\"e" y\nz 1\n# TYPE b untyped\n'
    assert read(text).metadata() == {
        "a": Family("a", MetricType.COUNTER, 'x \\ \n \\"'),
        "b": Family("b", MetricType.UNKNOWN, ""),
        "c": Family("c", None, ""),
        'd "e': Family('d "e', None, "y"),
    }


def test_metadata_of_openmetrics():
    """Units, more types, and quotes that are escaped in HELP too."""
    text = '# TYPE a_s info\n# UNIT a_s s\n# HELP a_s x \\"\n# UNIT b \n# TYPE b gaugehistogram\n# TYPE c stateset\n'
    assert read(text, OPEN).metadata() == {
        "a_s": Family("a_s", MetricType.INFO, 'x "', "s"),
        "b": Family("b", MetricType.GAUGE_HISTOGRAM, None, ""),
        "c": Family("c", MetricType.STATESET),
    }


def test_exemplars():
    """At most one a sample, with a time of its own or without."""
    text = 'a 1 2 # {} 3 4.5\nb 1 # {"x y"="\\n",c="d",} NaN\nc 1 # {e=""} 5\nd 1\n'
    found = read(text, OPEN)
    samples = list(found.samples())
    assert [s.exemplar and (s.exemplar.labels, s.exemplar.time) for s in samples] == [
        (Labels(), 4500),
        (Labels({"x y": "\n", "c": "d"}), None),
        (Labels(), None),
        None,
    ]
    assert samples[0] == Sample(Labels({"__name__": "a"}), 1.0, 2000, Exemplar(Labels(), 3.0, 4500))
    assert float_bits(samples[1].exemplar.value) == NORMAL_NAN_BITS
    assert [e.value for e in found.exemplars()][0::2] == [3.0, 5.0]


@pytest.mark.parametrize("text", ["", "\n", "#", "# x"])
def test_nothing(text):
    """A body may be empty."""
    assert (rows(text), read(text).metadata()) == ([], {})


@pytest.mark.parametrize("end", [b"# EOF", b"# EOF\n"])
def test_end(end):
    """OpenMetrics ends where it says so."""
    assert len(parse_exposition(b"a 1\n" + end, OPEN)) == 1


REFUSED = {  # text, place, what was expected
    "no value": ("a\n", (1, 2), "number"),
    "no line": ("a", (1, 2), "number"),
    "a digit first": ("1a 1\n", (1, 1), "metric name"),
    "a byte order mark": ("\ufeffa 1\n", (1, 1), "metric name"),
    "a NUL first": ("a 1\n\0\n", (2, 1), "metric name"),
    "a quoted name without braces": ('"a" 1\n', (1, 1), "metric name"),
    "no number": ("a b\n", (1, 3), "number"),
    "hexadecimal": ("a 0x1p3\n", (1, 3), "number"),
    "an underscore": ("a 1_0\n", (1, 3), "number"),
    "a signed NaN": ("a +NaN\n", (1, 3), "number"),
    "CRLF": ("a 1\r\n", (1, 3), "number"),
    "too large": ("b 1\na 1e400\n", (2, 3), "64-bit float"),
    "a time below zero": ("a 1 -1\n", (1, 5), "time"),
    "a time with a fraction": ("a 1 1.5\n", (1, 6), "end of the line"),
    "a time that is none": ("a 1 x\n", (1, 5), "time"),
    "a time too large": ("a 1 9223372036854775808\n", (1, 5), "64 bits"),
    "two times": ("a 1 2 3\n", (1, 7), "end of the line"),
    "a comment behind": ("a 1 # x\n", (1, 5), "time"),
    "an exemplar": ('a 1 # {b="c"} 1\n', (1, 5), "time"),
    "a brace behind": ("a 1{\n", (1, 4), "time"),
    "labels twice": ("a{}{} 1\n", (1, 4), "number"),
    "two names": ('a{"b"} 1\n', (1, 3), "one metric name"),
    "two quoted names": ('{"a","b"} 1\n', (1, 6), "one metric name"),
    "no name": ('{b="c"} 1\n', (1, 7), "metric name"),
    "__name__ is no name": ('{__name__="c"} 1\n', (1, 14), "metric name"),
    "only a comma": ("a{,} 1\n", (1, 3), "label name"),
    "two commas": ('a{b="c",,} 1\n', (1, 9), "label name"),
    "a label name with a colon": ('a{b:c="d"} 1\n', (1, 4), "`=`"),
    "an empty label name": ('a{""="d"} 1\n', (1, 3), "not empty"),
    "a quoted name before a label": ('{"a" b="d"} 1\n', (1, 6), "`=`"),
    "a value without quotes": ("a{b=c} 1\n", (1, 5), "quoted label value"),
    "a quote that does not close": ('x 1\na{b="c\n', (2, 5), "quoted label value"),
    "a backslash before a line break": ('a{b="\\\n"} 1\n', (1, 5), "quoted label value"),
    "a backslash at the end": ('a{b="\\', (1, 5), "quoted label value"),
    "labels over two lines": ('a{b="c",\nd="e"} 1\n', (1, 9), "label name"),
    "a NUL in a name": ('{"a\0"} 1\n', (1, 2), "label name"),
    "no UTF-8 in a value": (b'a{b="\xff"} 1\n', (1, 5), "UTF-8"),
    "no UTF-8 in a name": (b'{"\xed\xa0\x80"} 1\n', (1, 2), "UTF-8"),
    "no UTF-8 in a HELP": (b"# HELP a \xc0\x80\n", (1, 10), "UTF-8"),
    "a label twice": ('z 1\na{b="c",b="d"} 1\n', (2, 1), "each label once"),
    "a label twice, once empty": ('a{b="",b="d"} 1\n', (1, 1), "each label once"),
    "a label twice, once quoted": ('a{b="",c="x","b"="d"} 1\n', (1, 1), "each label once"),
    "a second name as a label": ('a{__name__="b"} 1\n', (1, 1), "each label once"),
    "HELP of nothing": ("# HELP \n", (1, 8), "after HELP"),
    "TYPE of nothing": ("# TYPE 1 gauge\n", (1, 8), "after HELP"),
    "no type": ("# TYPE a\n", (1, 9), "metric type"),
    "an unknown type": ("# TYPE a info\n", (1, 10), "metric type"),
    "a type and a blank": ("# TYPE a gauge \n", (1, 10), "metric type"),
    "two blanks before a type": ("# TYPE a  gauge\n", (1, 10), "metric type"),
    "a column is a character": ('a{b="é"} x\n', (1, 10), "number"),
}
REFUSED_OPEN = {
    "no end": (b"a 1\n", (2, 1), "# EOF"),
    "a line that does not end": (b"a 1", (1, 4), "# EOF"),
    "HELP that does not end": (b"# HELP a b", (1, 11), "# EOF"),
    "nothing": (b"", (1, 1), "# EOF"),
    "a line after the end": (b"# EOF\n\n", (2, 1), "nothing after"),
    "anything after the end": (b"# EOFx", (1, 6), "nothing after"),
    "a comment": (b"# x\n# EOF", (1, 1), "# HELP"),
    "another comment": (b"#\n# EOF", (1, 1), "# HELP"),
    "a blank line": (b"\n# EOF", (1, 1), "metric name"),
    "a blank first": (b" a 1\n# EOF", (1, 1), "metric name"),
    "two spaces": (b"a  1\n# EOF", (1, 3), "number"),
    "a tab": (b"a\t1\n# EOF", (1, 2), "number"),
    "no space": (b"a{}1\n# EOF", (1, 4), "number"),
    "a space at the end": (b"a 1 \n# EOF", (1, 5), "time"),
    "a blank in the braces": (b'a{b="c", d="e"} 1\n# EOF', (1, 9), "label name"),
    "a blank before the braces": (b'a {b="c"} 1\n# EOF', (1, 3), "number"),
    "no comma": (b'a{b="c"d="e"} 1\n# EOF', (1, 8), "`,` or `}`"),
    "a line break in a value": (b'a{b="c\nd"} 1\n# EOF', (1, 5), "quoted label value"),
    "a time that is not finite": (b"a 1 NaN\n# EOF", (1, 5), "time"),
    "two times": (b"a 1 2 3\n# EOF", (1, 6), "end of the line"),
    "a time too large": (b"a 1 1e400\n# EOF", (1, 5), "64 bits"),
    "untyped": (b"# TYPE a untyped\n# EOF", (1, 10), "metric type"),
    "HELP without a space": (b"# HELP a\n# EOF", (1, 9), "space and a text"),
    "HELP and two spaces": (b"# HELP  a b\n# EOF", (1, 8), "after HELP"),
    "a unit that is no suffix": (b"# UNIT a_b s\n# EOF", (1, 12), "unit"),
    "a unit without an underscore": (b"# UNIT as s\n# EOF", (1, 11), "unit"),
    "a unit that is the name": (b"# UNIT s s\n# EOF", (1, 10), "unit"),
    "an exemplar without a value": (b"a 1 # {}\n# EOF", (1, 9), "number"),
    "an exemplar without a space": (b"a 1 # {}1\n# EOF", (1, 9), "number"),
    "an exemplar with a name": (b'a 1 # {"b"} 1\n# EOF', (1, 11), "`=`"),
    "an exemplar at an infinite time": (b"a 1 # {} 1 Inf\n# EOF", (1, 12), "time"),
    "two exemplars": (b"a 1 # {} 1 # {} 1\n# EOF", (1, 12), "time"),
    "an exemplar with a label twice": (b'a 1 # {b="",b="c"} 1\n# EOF', (1, 7), "each label once"),
}


@pytest.mark.parametrize(("text", "place", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(text, place, expected):
    """The first error ends the whole, and says where it is and what was expected."""
    with pytest.raises(ExpositionSyntaxError) as caught:
        read(text)
    assert (caught.value.position, caught.value.message[:8]) == (place, "expected")
    assert expected in caught.value.message


@pytest.mark.parametrize(("body", "place", "expected"), REFUSED_OPEN.values(), ids=REFUSED_OPEN.keys())
def test_refused_by_openmetrics(body, place, expected):
    """The same in OpenMetrics."""
    with pytest.raises(ParseError) as caught:
        parse_exposition(body, OPEN)
    assert caught.value.position == place
    assert expected in caught.value.message


def test_an_error_shows_its_line():
    """With a caret, and no more of a long line than can be read."""
    with pytest.raises(ExpositionSyntaxError) as caught:
        read("a 1\nbc x\nd 1\n")
    assert str(caught.value) == "2:4: exposition: expected a number\nbc x\n   ^"
    with pytest.raises(ExpositionSyntaxError) as caught:
        read("x" * 5000 + " y " + "z" * 5000)
    assert caught.value.position == (1, 5002)
    assert len(str(caught.value)) < 500


def test_many_labels():
    """A series with thousands of labels is sorted in no time that grows with their square."""
    names = [f"l{i}" for i in range(20_000)]
    text = "a{" + ",".join(f'{name}="{name}"' for name in reversed(names)) + "} 1"
    (sample,) = read(text).samples()
    assert list(sample.labels) == sorted(["__name__", *names])


def test_labels_of_some_rows():
    """Labels are worked out for the rows that are asked for."""
    found = read("a 1\nb 2\nc 3\n")
    assert [str(labels) for labels in found.labels_of(np.array([2, 0]))] == ["c", "a"]
    assert [str(labels) for labels in found.new_labels()] == ["a", "b", "c"]

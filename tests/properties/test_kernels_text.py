"""Exposition text read by kernels, against their twin."""

import math
import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exposition import texts
from tests.oracles import exposition as oracle

from obsflow import native
from obsflow.errors import ExpositionSyntaxError
from obsflow.exposition import SeriesCache, TextFormat, parse_exposition
from obsflow.model.floats import NORMAL_NAN_BITS, float_bits, render_float_g

many, some = settings(max_examples=300, deadline=None), settings(max_examples=150, deadline=None)
randoms, formats = st.randoms(use_true_random=False), st.sampled_from(TextFormat)
bits = st.integers(0, (1 << 64) - 1).map(lambda word: struct.unpack("<d", struct.pack("<Q", word))[0])
doubles = bits.filter(math.isfinite) | st.floats(allow_nan=False, allow_infinity=False)


def row(labels, value, time, exemplar, family):
    of = exemplar and (exemplar[0], float_bits(number(exemplar[1])), exemplar[2])
    return labels, float_bits(number(value)), time, of, family


def number(value):
    return struct.unpack("<d", struct.pack("<Q", NORMAL_NAN_BITS))[0] if value == oracle.NAN else value


def wanted(body, text_format):
    """What the oracle makes of a body; None if it refuses it."""
    try:
        samples, metadata = oracle.read(body, text_format is TextFormat.OPENMETRICS)
    except oracle.RefusedError:
        return None
    families = {}
    for word, name, text in metadata:
        families.setdefault(name, {})[word] = text
    return [row(*sample) for sample in samples], families


def found(body, text_format, cache=None):
    """The same of the kernels."""
    try:
        read = parse_exposition(body, text_format, cache)
    except ExpositionSyntaxError as error:
        assert error.message.startswith("expected ")
        assert 1 <= error.line <= body.count(b"\n") + 1
        return None
    return rows_of(read), families_of(read)


def rows_of(read):
    return [
        row(
            s.labels.pairs,
            s.value,
            s.time,
            s.exemplar and (s.exemplar.labels.pairs, s.exemplar.value, s.exemplar.time),
            f,
        )
        for s, f in zip(read.samples(), read.columns.samples.families.tolist(), strict=True)
    ]


def families_of(read):
    return {
        name: {
            word: value
            for word, value in (("TYPE", f.type and f.type.value), ("HELP", f.help), ("UNIT", f.unit))
            if value is not None
        }
        for name, f in read.metadata().items()
    }


@many
@given(randoms, formats)
def test_bodies(random, text_format):
    """A body is refused by both or read by both, and then it is the same."""
    body = texts.body(random, text_format is TextFormat.OPENMETRICS)
    assert found(body, text_format) == wanted(body, text_format)


@some
@given(st.binary(max_size=60), formats)
def test_bytes(body, text_format):
    """Any bytes are a body or an error."""
    assert found(body, text_format) == wanted(body, text_format)


@some
@given(st.lists(randoms, min_size=2, max_size=5), formats, st.integers(0, 3))
def test_a_cache_changes_nothing(each, text_format, seed):
    """What is read with a cache is what is read without, and the reference is that of the labels."""
    cache, numbers = SeriesCache(seed), {}
    for random in each:
        body = texts.body(random, text_format is TextFormat.OPENMETRICS)
        assert found(body, text_format, cache) == found(body, text_format)
        if wanted(body, text_format) is None:
            cache.fail()
            continue
        read = parse_exposition(body, text_format, cache)
        stored = cache.store(read, [numbers.setdefault(labels, len(numbers)) for labels in read.new_labels()])
        references = [numbers[s.labels] for s in stored.samples()]
        assert stored.columns.samples.references.tolist() == references
        cache.commit(stored)
        again = parse_exposition(body, text_format, cache)
        assert (again.columns.n_missing, again.columns.samples.references.tolist()) == (0, references)


def read_numbers(texts_of_numbers):
    parts = [text.encode() for text in texts_of_numbers]
    lengths = np.array([len(part) for part in parts], np.int64)
    data = b"".join(parts) + b" " * 16
    return native.parse_decimals(data, np.cumsum(lengths) - lengths, lengths)


@many
@given(doubles, st.integers(0, 40), st.integers(-30, 30))
def test_decimals_of_doubles(value, digits, shift):
    """However a double is written, it is read as Python reads it."""
    mantissa, exponent = f"{value:.17e}".split("e")
    written = [repr(value), f"{value:.{digits}e}", f"{value:.{digits}f}", f"{mantissa}e{int(exponent) + shift}"]
    written.append(f"{value:.800e}")
    values, states = read_numbers(written)
    for text, got, state in zip(written, values.tolist(), states.tolist(), strict=True):
        assert (state, float_bits(got)) == (2 if math.isinf(float(text)) else 0, float_bits(float(text)))


@many
@given(doubles.map(abs), st.integers(-1, 1), st.integers(0, 3))
def test_halfway(value, off, zeros):
    """Numbers half way between two doubles, and a little to either side."""
    after = math.nextafter(value, math.inf)
    if math.isinf(after):
        return
    (n, d), (m, e) = value.as_integer_ratio(), after.as_integer_ratio()
    scale = max(d, e) * 2
    half = (n * (scale // d) + m * (scale // e)) // 2
    power = scale.bit_length() - 1  # half / 2^power is half * 5^power / 10^power
    text = f"{half * 5**power * 10**zeros + off}e-{power + zeros}"
    if len(text) > 4000:
        return
    values, states = read_numbers([text])
    assert (states.tolist(), [float_bits(v) for v in values.tolist()]) == ([0], [float_bits(float(text))])


@some
@given(
    st.text("0123456789.eE+-infaty_x", max_size=12)
    | st.from_regex(r"[+-]?\d{0,25}\.?\d{0,25}([eE][+-]?\d{0,4})?", fullmatch=True)
)
def test_decimals(text):
    """Any characters are the number that they are, or none."""
    if not text.isascii():
        return
    (value,), (state,) = read_numbers([text])
    try:
        expected = oracle.number(text.encode())
    except oracle.RefusedError as error:
        assert state == (2 if "large" in str(error) else 1)
    else:
        assert (state, float_bits(value)) == (0, float_bits(number(expected)))


@many
@given(doubles)
def test_bounds(value):
    """A bound has the digits that Python finds shortest, and is read back as the same double."""
    text = native.render_openmetrics_float(value)
    assert text == oracle.rendered(value)
    plain = render_float_g(value) if value else "0"
    assert text == plain + ("" if "." in plain or "e" in plain else ".0")
    assert float(text) == value

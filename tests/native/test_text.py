"""The cache of keys, and what the kernels of exposition text refuse."""

import numpy as np
import pytest

from obsflow import native

PLAIN, OPEN = native.TEXT_PLAIN, native.TEXT_OPENMETRICS


def known(body, text_format=PLAIN, cache=None):
    """A cache that has the keys of the body, with their rows as references, and expects them."""
    cache = native.TextCache() if cache is None else cache
    samples = native.parse_text(body, text_format, cache).samples
    entries = cache.add(body, samples.key_starts, samples.key_lengths, samples.kinds)
    cache.references[entries] = np.arange(len(entries))
    cache.turn(entries, np.ones(len(entries), np.uint8))
    return cache


def counts(columns):
    return columns.n_predicted, columns.n_found, columns.n_missing


def lines(*series):
    return "".join(f"{each} 1\n" for each in series).encode()


SERIES = [f'a{{b="{i}"}}' for i in range(12)]
ORDERS = {
    "the same": (SERIES, (12, 0, 0)),
    "a few gone": ([*SERIES[:3], *SERIES[6:]], (9, 0, 0)),
    "many gone": ([*SERIES[:3], *SERIES[8:]], (6, 1, 0)),
    "one new": ([*SERIES[:3], "new", *SERIES[3:]], (12, 0, 1)),
    "two blocks changed over": ([*SERIES[6:], *SERIES[:6]], (10, 2, 0)),
    "backwards": (SERIES[::-1], (0, 12, 0)),
    "all new": (["x", "y", "z"], (0, 0, 3)),
    "written in another way": ([each.replace("}", ",}") for each in SERIES], (0, 0, 12)),
}


@pytest.mark.parametrize(("series", "expected"), ORDERS.values(), ids=ORDERS.keys())
def test_where_keys_are_found(series, expected):
    """Keys are found where they are expected, or a few further on, or by hash; and the reference is theirs."""
    found = native.parse_text(lines(*series), PLAIN, known(lines(*SERIES)))
    assert counts(found) == expected
    assert found.samples.references.tolist() == [SERIES.index(each) if each in SERIES else -1 for each in series]


@pytest.mark.parametrize("series", ["ab", "a_", "a:", "a1", 'a{b="1"}', 'a {b="1"}', 'a\t{b="1"}', "b"], ids=repr)
@pytest.mark.parametrize("expects", [True, False])
def test_a_name_ends_where_it_ends(series, expects):
    """A key that is only a name is not found in a longer name, nor where labels follow."""
    cache = known(lines("a"))
    if not expects:
        cache.expected = cache.expected[:0]
    assert native.parse_text(lines(series), PLAIN, cache).samples.entries.tolist() == [-1]


@pytest.mark.parametrize("line", ["a 1", "a\t1", "a-1", "a  1 2"])
def test_a_name_is_found_before_any_value(line):
    """And it is, whatever ends it."""
    assert native.parse_text(line.encode(), PLAIN, known(lines("a"))).samples.entries.tolist() == [0]


def test_kinds_are_other_keys():
    """The same key under another type or format is another."""
    body = b'# TYPE h %s\nh{le="1"} 1\n'
    cache = known(body % b"histogram")
    assert counts(native.parse_text(body % b"histogram", PLAIN, cache)) == (1, 0, 0)
    for other in (b"summary", b"gauge"):
        assert counts(native.parse_text(body % other, PLAIN, cache)) == (0, 0, 1)
    assert counts(native.parse_text(body % b"histogram" + b"# EOF", OPEN, cache)) == (0, 0, 1)


def test_turns():
    """An entry that counted in one turn and not in the next is stale; one that did not come is gone."""
    cache = known(lines("a", "b", "c"))
    yes = np.ones(2, np.uint8)
    assert cache.turn(np.array([0, 2], np.int32), yes).tolist() == [1]
    assert counts(native.parse_text(lines("a", "b", "c"), PLAIN, cache)) == (2, 0, 1)
    assert cache.turn(np.array([0, 2], np.int32), np.array([1, 0], np.uint8)).tolist() == [2]
    assert cache.turn(np.array([], np.int32), yes[:0], keeps=True).tolist() == [0]
    assert counts(native.parse_text(lines("a", "b", "c"), PLAIN, cache)) == (2, 0, 1)
    assert cache.turn(np.array([0], np.int32), yes[:1]).tolist() == []


def test_a_key_that_comes_twice_is_one_entry():
    """Within a body, and when it is added again."""
    body = lines("a", "b", "a")
    cache = known(body)
    samples = native.parse_text(body, PLAIN, cache).samples
    assert samples.entries.tolist() == [0, 1, 0]
    assert cache.add(body, samples.key_starts, samples.key_lengths, samples.kinds).tolist() == [0, 1, 0]
    assert cache.n_entries == 2


def test_compaction():
    """What is gone makes room; what stays is found where it is expected, with its reference."""
    cache = known(lines(*(f"a{i}" for i in range(1000))))
    rest = lines(*(f"a{i}" for i in range(0, 1000, 100)))
    found = native.parse_text(rest, PLAIN, cache).samples
    cache.turn(found.entries, np.ones(10, np.uint8))
    cache.compact()
    assert (cache.n_entries, cache.n_gone) == (10, 0)
    again = native.parse_text(rest, PLAIN, cache)
    assert counts(again) == (10, 0, 0)
    assert again.samples.references.tolist() == list(range(0, 1000, 100))
    assert cache.turn(again.samples.entries[1:], np.ones(9, np.uint8)).tolist() == [0]
    cache.expected = cache.expected[:0]
    assert native.parse_text(rest, PLAIN, cache).n_found == 9


def test_many_keys():
    """The table grows, and each key is found in it, whatever the seed."""
    body = lines(*(f'a{{i="{i}",j="{"x" * (i % 40)}"}}' for i in range(5000)))
    for seed in (0, 1, (1 << 64) - 1):
        cache = known(body, cache=native.TextCache(seed))
        cache.expected = cache.expected[:0]
        found = native.parse_text(body, PLAIN, cache)
        assert counts(found) == (0, 5000, 0)
        assert found.samples.references.tolist() == list(range(5000))


@pytest.mark.parametrize("body", [lines(*(["a"] * 500)), b"# HELP a b\n" * 500, b'a 1 # {b="c"} 1\n' * 500 + b"# EOF"])
def test_more_rows_than_the_time_before(body):
    """Columns have room for whatever comes."""
    text_format = OPEN if b"EOF" in body else PLAIN
    cache = known(b"z 1\n" + (b"# EOF" if text_format else b""), text_format)
    found = native.parse_text(body, text_format, cache)
    assert max(len(found.samples.values), len(found.metadata.words)) == 500


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 4), (4, 0), (0, -1), (1 << 62, 1)])
def test_ranges_outside(start, length):
    """A key outside of the text is refused."""
    starts, lengths, kinds = np.array([start]), np.array([length], np.int32), np.zeros(1, np.uint8)
    for call in (native.TextCache().add, native.text_labels):
        with pytest.raises(ValueError, match="outside"):
            call(b"abc", starts, lengths, kinds)


@pytest.mark.parametrize("entry", [-1, 1, 1 << 30])
def test_entries_outside(entry):
    """A turn with an entry that is not there is refused, and changes nothing."""
    cache = known(lines("a"))
    with pytest.raises(ValueError, match="outside"):
        cache.turn(np.array([entry], np.int32), np.ones(1, np.uint8))
    assert cache.turn(np.array([0], np.int32), np.ones(1, np.uint8)).tolist() == []


@pytest.mark.parametrize("key", [b"", b"a b", b"{", b'a{b="c"', b'{b="c"}', b'a{b="c"}}', b"1"])
def test_labels_of_what_is_no_key(key):
    """What is not a key as a whole has no labels."""
    found = native.text_labels(key, np.zeros(1, np.int64), np.array([len(key)], np.int32), np.zeros(1, np.uint8))
    assert isinstance(found, native.TextFault)


def test_no_format():
    """A format that is none is refused."""
    with pytest.raises(ValueError, match="format"):
        native.parse_text(b"", 2)

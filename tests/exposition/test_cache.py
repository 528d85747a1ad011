"""What is kept of a target from scrape to scrape."""

import numpy as np
import pytest

from obsflow.errors import ExpositionSyntaxError
from obsflow.exposition import DROPPED, SeriesCache, TextFormat, parse_exposition

PLAIN = TextFormat.PLAIN


class Target:
    """A target whose series are numbered as they come; `drops` are not stored."""

    def __init__(self, drops=(), **options):
        self.cache, self.numbers, self.drops, self.options = SeriesCache(), {}, drops, options

    def number(self, labels):
        return DROPPED if labels.name in self.drops else self.numbers.setdefault(labels, len(self.numbers))

    def scrape(self, text):
        found = parse_exposition(text.encode(), PLAIN, self.cache)
        new = len(found.new)
        stored = self.cache.store(found, [self.number(labels) for labels in found.new_labels()])
        stale = self.cache.commit(stored, **self.options)
        return stored.columns.samples.references.tolist(), new, stale.tolist()


def test_references_stay():
    """A series has the reference that was stored for it, and is new once."""
    target = Target()
    assert target.scrape('a 1\nb{c="d"} 2\n') == ([0, 1], 2, [])
    assert target.scrape('a 3\nb{c="d"} 4\n') == ([0, 1], 0, [])
    assert target.scrape('e 1\nb{c="d"} 4\na 3\n') == ([2, 1, 0], 1, [])


def test_staleness():
    """What no longer comes is stale once, and new if it comes back."""
    target = Target()
    target.scrape("a 1\nb 1\nc 1\n")
    assert target.scrape("b 1\n") == ([1], 0, [0, 2])
    assert target.scrape("b 1\n") == ([1], 0, [])
    assert target.scrape("c 1\n") == ([2], 1, [1])
    assert len(target.cache) == 1


def test_an_empty_scrape():
    """It ends all series."""
    target = Target()
    target.scrape("a 1\nb 1\n")
    assert target.scrape("") == ([], 0, [0, 1])


def test_the_same_series_written_in_another_way():
    """It is not stale: it is another key of the same series."""
    target = Target()
    target.scrape('a{b="c"} 1\nd 1\n')
    assert target.scrape('a{b="c",} 1\nd 1\n') == ([0, 1], 1, [])
    assert target.scrape("d 1\n") == ([1], 0, [0])


def test_times_of_their_own():
    """A sample with a time takes no part in staleness, unless it is asked for."""
    target = Target()
    target.scrape("a 1\nb 1 17\nc 1\n")
    assert target.scrape("a 1 18\n") == ([0], 0, [0, 2])
    assert target.scrape("") == ([], 0, [])
    target = Target(tracks_timestamps=True)
    target.scrape("a 1\nb 1 17\n")
    assert target.scrape("a 1 18\n") == ([0], 0, [1])
    assert target.scrape("") == ([], 0, [0])


def test_dropped_series():
    """What relabelling dropped is known, and never stale."""
    target = Target(drops={"b"})
    assert target.scrape("a 1\nb 1\n") == ([0, DROPPED], 2, [])
    assert target.scrape("a 1\nb 1\n") == ([0, DROPPED], 0, [])
    assert target.scrape("a 1\n") == ([0], 0, [])


def test_a_failed_scrape():
    """It ends all series, and their keys are still known."""
    target = Target()
    target.scrape("a 1\nb 1\n")
    with pytest.raises(ExpositionSyntaxError):
        target.scrape("a 1\nb 1\nc x\n")
    assert target.cache.fail().tolist() == [0, 1]
    assert target.cache.fail().tolist() == []
    assert target.scrape("a 1\n") == ([0], 0, [])
    assert target.scrape("b 1\n") == ([1], 1, [0])


def test_the_same_series_twice():
    """Within one scrape it has one reference."""
    target = Target()
    assert target.scrape("a 1\na 2\n") == ([0, 0], 2, [])
    assert target.scrape("a 1\na 2\n") == ([0, 0], 0, [])
    assert target.scrape("") == ([], 0, [0])


def test_bounds_follow_the_type():
    """The same line is another series where the TYPE changes."""
    target, line = Target(), '# TYPE a {}\na{{le="1"}} 1\n'
    assert target.scrape(line.format("histogram")) == ([0], 1, [])
    assert target.scrape(line.format("gauge")) == ([1], 1, [0])
    assert target.scrape(line.format("counter")) == ([1], 0, [])


def test_labels_that_come_twice_are_never_known():
    """Such a body is refused each time."""
    target = Target()
    for _ in range(2):
        with pytest.raises(ExpositionSyntaxError, match="each label once"):
            target.scrape('a{b="c",b="d"} 1')


def test_series_that_come_and_go():
    """The cache holds what came last, however many came before."""
    target = Target()
    for i in range(50):
        text = "".join(f"x_{i}_{j} 1\n" for j in range(20)) + "stays 1\n"
        references, new, stale = target.scrape(text)
        assert (new, len(stale), len(target.cache)) == ((20, 20, 21) if i else (21, 0, 21))
        assert references[-1] == 20
    assert target.cache.known.n_entries < 300


@pytest.mark.parametrize("references", [[], [1, 2, 3], [0, -1], [-5, 0]])
def test_references_that_are_none(references):
    """As many as are new, from 0 on, or dropped."""
    cache = SeriesCache()
    found = parse_exposition(b"a 1\nb 1\n", PLAIN, cache)
    with pytest.raises(ValueError, match=r"new|reference"):
        cache.store(found, np.array(references, np.int64))
    with pytest.raises(ValueError, match="not stored"):
        cache.commit(found)
    assert len(cache) == 0

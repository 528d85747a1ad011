"""Texts that are imported: the same samples as a scrape has, each way of writing a series once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.errors import ExpositionSyntaxError
from obsflow.exposition import TextFormat, parse_exposition, parse_timed

LINES = [
    'a{x="1"} 1 1.5\n', 'a{x="1"} 2 2\n', 'a{ x="1"} 3\n', "b 1 -1.25\n", "b NaN 7\n", '{"c.d","e f"="g"} 5 1e3\n',
    "# TYPE h histogram\n", 'h_bucket{le="1"} 1 5\n', 'h_bucket{le="1"} 1 6 # {id="q"} 0.5\n',
]  # fmt: skip


@given(st.lists(st.sampled_from(LINES)))
def test_samples_are_those_of_a_scrape(lines):
    """Labels, values and times, in the order of the text; `starts` is where the lines begin."""
    body = ("".join(lines) + "# EOF\n").encode()
    try:
        expected = list(parse_exposition(body, TextFormat.OPENMETRICS).samples())
    except ExpositionSyntaxError as error:
        with pytest.raises(ExpositionSyntaxError, match=error.message):
            parse_timed(body)
        return
    found = parse_timed(body)
    times = [time if there else None for time, there in zip(found.times.tolist(), found.has_time.tolist(), strict=True)]

    assert [found.labels[row] for row in found.rows.tolist()] == [each.labels for each in expected]
    assert list(map(str, found.values.tolist())) == [str(each.value) for each in expected]
    assert times == [each.time for each in expected]
    assert [body[:start].endswith(b"\n") or not start for start in found.starts.tolist()] == [True] * len(expected)


def test_labels_are_made_once_for_each_way_of_writing():
    """The same series under a `le` that is rewritten, and not, is two ways."""
    body = b'h_bucket{le="1"} 1 1\nh_bucket{le="1"} 1 2\n# TYPE h histogram\nh_bucket{le="1"} 1 3\n# EOF\n'

    assert [each["le"] for each in parse_timed(body).labels] == ["1", "1.0"]

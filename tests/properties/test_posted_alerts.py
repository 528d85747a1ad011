"""Posts of alerts, read by the kernel: against the reader of whatever JSON may look like."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import posts

from obsflow import native
from obsflow.alertmanager.posted import AlertReader, read_any
from obsflow.errors import ParseError

texts = st.text(
    st.sampled_from('abc"\\/\n\x00\x1f\x7f<&\xe9\u20ac\u2028\ud800\udc00\U0001f600') | st.characters(), max_size=12
)
names = st.sampled_from(["alertname", "job", "a", "b", "\xe9", "\U0001f600", "\uffff"]) | texts
sets = st.dictionaries(names, texts, max_size=6)
times = st.sampled_from(
    ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123456789+01:00", "0001-01-01T00:00:00Z", "soon", ""]
)
alerts = st.fixed_dictionaries(
    {"labels": sets},
    optional={
        "annotations": sets | st.none(),
        "startsAt": times,
        "endsAt": times | st.none(),
        "generatorURL": texts,
        "status": st.just({"x": [1, None, {"y": "}"}]}),
    },
)
bodies = st.builds(
    lambda posted, ascii_only, spaced: json.dumps(
        posted, ensure_ascii=ascii_only, separators=(", ", ": ") if spaced else (",", ":")
    ).encode("utf-8", "surrogatepass"),
    st.lists(alerts, max_size=5),
    st.booleans(),
    st.booleans(),
)
some = settings(max_examples=300, deadline=None)


def outcome(read, body):
    try:
        return read(body)
    except ParseError as error:
        return str(error)


@st.composite
def damaged(draw):
    """A post with some bytes cut out, doubled or changed."""
    body = bytearray(draw(bodies))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"}", b",", b"\\u"])
        )
    return bytes(body)


@some
@given(st.lists(bodies | damaged(), max_size=4))
def test_posts_are_read_as_any_json_is(posted):
    """One after the other with one reader, in pieces, errors too."""
    reader = AlertReader()
    for body in posted:
        expected = outcome(read_any, body)
        assert outcome(reader.read, body) == expected
        assert (
            outcome(lambda body: tuple(each for piece in reader.read_pieces(body) for each in piece), body) == expected
        )


@some
@given(st.lists(bodies | damaged(), max_size=4))
def test_numbers_stand_for_what_the_oracle_reads(posted):
    """Sets, places and strings of every row that the kernel reads; each thing has one number."""
    vocabulary = native.AlertVocabulary()
    for body in posted:
        rows = vocabulary.read(body)
        if rows is not None:
            strings, pairs, members = vocabulary.strings(0), vocabulary.pairs(0), list(vocabulary.sets(0))
            named = [[(strings[name], strings[value]) for name, value in (pairs[i] for i in each)] for each in members]
            for known in (strings, list(map(tuple, pairs)), list(map(tuple, members))):
                assert len(set(known)) == len(known)
            assert posts.rows(body) == [
                (
                    named[labels],
                    None if annotations < 0 else named[annotations],
                    posts.text_at(body, starts_at),
                    posts.text_at(body, ends_at),
                    None if url < 0 else strings[url],
                )
                for labels, annotations, starts_at, ends_at, url in rows.tolist()
            ]


@pytest.mark.parametrize("count", [1_000, 5_000])
def test_a_vocabulary_grows(count):
    """Past every capacity that it begins with, in one post and in many."""
    posted = [{"labels": {f"name{i}": f"value{j}" for j in range(i % 9 + 1)} | {"i": str(i)}} for i in range(count)]
    whole, parts = native.AlertVocabulary(), native.AlertVocabulary()
    rows = whole.read(json.dumps(posted).encode())
    one_by_one = np.concatenate([parts.read(json.dumps([each]).encode()) for each in posted])
    assert rows[:, 0].tolist() == one_by_one[:, 0].tolist() == list(range(count))
    assert whole.counts == parts.counts
    assert (whole.strings(0), whole.pairs(0), list(whole.sets(0))) == (
        parts.strings(0), parts.pairs(0), list(parts.sets(0)),
    )  # fmt: skip


def test_what_may_never_be_said_again_is_forgotten():
    """A vocabulary says when it is worn, and what does not fit at all is not read."""
    vocabulary = native.AlertVocabulary(most=1024)
    for i in range(512):
        assert not vocabulary.is_worn
        assert vocabulary.read(json.dumps([{"labels": {"a": str(i)}}]).encode()) is not None
    assert vocabulary.is_worn
    assert vocabulary.read(json.dumps([{"labels": {"a": f"x{i}"}} for i in range(2_000)]).encode()) is None
    assert native.AlertVocabulary(most=1024).counts == (0, 0, 0)

import json

import pytest

from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File
from obsflow.tsdb.meta import BlockMeta, decode_meta
from tests.tsdb import writer


def test_meta():
    """Range, level and provenance are read; what others add is left alone."""
    raw = json.loads(writer.meta("A", 5, 9, level=2, sources=["B", "C"], parents=[{"ulid": "B"}], hints=["from-stale"]))
    meta = decode_meta(File("meta.json", json.dumps(raw | {"thanos": {"labels": {}}}).encode()))
    assert meta == BlockMeta("A", 5, 9, 2, ("B", "C"), ("B",), ("from-stale",))
    assert not meta.is_in_order


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"version": 2, "minTime": 0, "maxTime": 1}',
        b'{"version": 1, "minTime": 0}',
        b'{"version": 1, "minTime": true, "maxTime": 1}',
        b'{"version": 1, "minTime": 0, "maxTime": 9223372036854775808}',
    ],
)
def test_what_is_no_meta(text):
    """Anything else is an error that names the file."""
    with pytest.raises(CorruptionError, match=r"meta\.json"):
        decode_meta(File("meta.json", text))

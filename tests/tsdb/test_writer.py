"""The other side of every reader under test is itself read by Prometheus."""

import subprocess

import pytest

from obsflow.model.floats import STALE_NAN
from tests.external import tool
from tests.tsdb import writer

ULID = "01M83F0QNYX1PQK4XX8D98TRK6"
PODS = [
    ({"__name__": "up", "job": "api", "pod": f"api-{i}"}, [[(1_000, 1.0), (2_001, 0.5)], [(3_000, float(i))]])
    for i in range(40)
]
DATABASE = ({"__name__": "up", "job": "db"}, [[(1_000, 7.0), (2_000, STALE_NAN), (3_000, float("inf"))]])


@pytest.mark.parametrize(
    ("matchers", "dumped"),
    [
        (
            '{pod="api-33"}',
            [f'{{__name__="up", job="api", pod="api-33"}} {sample}' for sample in ("1 1000", "0.5 2001", "33 3000")],
        ),
        (
            '{__name__=~"u.",job!="api"}',
            [f'{{__name__="up", job="db"}} {sample}' for sample in ("7 1000", "NaN 2000", "+Inf 3000")],
        ),
        ('{pod="api-40"}', []),
    ],
)
def test_prometheus_selects_from_a_block(tmp_path, matchers, dumped):
    """Postings lead a server to the series that match, in all their chunks, and to no others."""
    writer.write_block(tmp_path, ULID, [DATABASE, *PODS])
    (tmp_path / "wal").mkdir()
    command = [tool("promtool"), "tsdb", "dump", f"--match={matchers}", str(tmp_path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)

    assert result.stdout.splitlines() == dumped

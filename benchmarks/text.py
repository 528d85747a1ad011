"""Exposition text: what a line costs where it was expected, where it is found by hash, and the first time."""

import importlib.util
import random

import numpy as np

from benchmarks import Table, median_ns
from obsflow import native
from obsflow.exposition import SeriesCache, TextFormat, parse_exposition

FAMILIES, SERIES = 200, 50
PEER_LINES = 2_000


def exposed(seed: int, families: int = FAMILIES, *, is_open: bool = False) -> bytes:
    """A node's counters and gauges, 50 series each: about 115 bytes a line."""
    chosen = random.Random(seed)
    lines = []
    for family in range(families):
        name = f"http_server_requests_{family}"
        lines += [f"# HELP {name} Number of requests that were answered.", f"# TYPE {name} counter"]
        for i in range(SERIES):
            value = chosen.choice((chosen.randrange(100), chosen.randrange(10**7), round(chosen.random() * 1e4, 3)))
            labels = (
                f'code="{200 + i % 5}",handler="/api/v1/query/{i}",instance="10.0.0.{family % 250}:9100",job="node"'
            )
            lines.append(f"{name}_total{{{labels}}} {value}")
    return "\n".join([*lines, "# EOF\n" if is_open else ""]).encode()


def remembered(body: bytes, text_format: TextFormat) -> SeriesCache:
    """A cache that has seen the body."""
    cache = SeriesCache()
    found = parse_exposition(body, text_format, cache)
    cache.commit(cache.store(found, np.arange(len(found.new))))
    return cache


def lines(rounds: int) -> Table:
    """A scrape of 10,000 series by what is known of it."""
    rows = []
    for text_format in TextFormat:
        first, second = (exposed(seed, is_open=text_format is TextFormat.OPENMETRICS) for seed in (1, 2))
        cache = remembered(first, text_format)
        unexpected = remembered(first, text_format)
        unexpected.known.expected = unexpected.known.expected[:0]
        source = np.frombuffer(second, np.uint8)
        target = np.empty_like(source)
        calls = {
            "memcpy of the body": lambda target=target, source=source: np.copyto(target, source),
            "expected": lambda body=second, cache=cache, of=text_format: parse_exposition(body, of, cache),
            "found by hash": lambda body=second, cache=unexpected, of=text_format: parse_exposition(body, of, cache),
            "keys only, unknown": lambda body=second, of=text_format: native.parse_text(body, of.value),
            "unknown, labels as columns": lambda body=second, of=text_format: parse_exposition(body, of),
        }
        for what, call in calls.items():
            ns = median_ns(call, rounds, 20) / (FAMILIES * SERIES)
            rows.append((text_format.name.lower(), what, f"{ns:.1f}", f"{len(second) / (ns * FAMILIES * SERIES):.2f}"))
    title = f"A scrape of {FAMILIES * SERIES:,} series, {len(second) / (FAMILIES * SERIES):.0f} bytes each"
    return Table(title, ("format", "a line that is", "ns/line", "GB/s"), tuple(rows))


def stages(rounds: int) -> Table:
    """What the first scrape of a target costs, and the end of each."""
    body = exposed(1)
    n = FAMILIES * SERIES
    found = parse_exposition(body, TextFormat.PLAIN)
    cache = remembered(body, TextFormat.PLAIN)
    known = parse_exposition(body, TextFormat.PLAIN, cache)
    rows = (
        ("labels as objects", found.new_labels),
        ("keys into a cache", lambda: SeriesCache().store(found, np.arange(n))),
        ("the end of a scrape", lambda: cache.commit(known)),
    )
    return Table(
        f"Around a scrape of {n:,} series",
        ("what", "ns/series"),
        tuple((what, f"{median_ns(call, rounds, 3) / n:.0f}") for what, call in rows),
    )


def peers(rounds: int) -> Table:
    """The parsers of prometheus_client, where it is installed."""
    rows = []
    families = PEER_LINES // SERIES
    for text_format, module in ((TextFormat.PLAIN, "parser"), (TextFormat.OPENMETRICS, "openmetrics.parser")):
        if importlib.util.find_spec("prometheus_client") is None:
            return Table("prometheus_client is not installed", ("format",), ())
        parse = importlib.import_module(f"prometheus_client.{module}").text_string_to_metric_families
        body = exposed(2, families, is_open=text_format is TextFormat.OPENMETRICS)
        text, cache = body.decode(), remembered(body, text_format)
        theirs = median_ns(lambda parse=parse, text=text: list(parse(text)), rounds) / PEER_LINES
        rows.append((text_format.name.lower(), "prometheus_client", f"{theirs:,.0f}", "1"))
        for what, call in {
            "the same objects": lambda body=body, of=text_format: list(parse_exposition(body, of).samples()),
            "columns, unknown": lambda body=body, of=text_format: parse_exposition(body, of),
            "columns, expected": lambda body=body, of=text_format, cache=cache: parse_exposition(body, of, cache),
        }.items():
            ns = median_ns(call, rounds, 20) / PEER_LINES
            rows.append((text_format.name.lower(), what, f"{ns:,.1f}", f"{theirs / ns:,.0f}"))
    return Table(f"{PEER_LINES:,} lines", ("format", "into", "ns/line", "times as fast"), tuple(rows))


def decimals(rounds: int) -> Table:
    """Numbers alone."""
    chosen = random.Random(3)
    kinds = {
        "whole, up to 7 digits": lambda: str(chosen.randrange(10**7)),
        "three decimals": lambda: f"{chosen.random() * 1e4:.3f}",
        "all digits of a double": lambda: repr(chosen.random()),
        "25 digits": lambda: f"{chosen.random():.25f}",
        "half way between two doubles": lambda: str(2**53 + 2 * chosen.randrange(1000) + 1) + "." + "0" * 20,
    }
    rows = []
    for name, make in kinds.items():
        parts = [make().encode() for _ in range(10_000)]
        lengths = np.array([len(part) for part in parts], np.int64)
        data, starts = b" ".join(parts) + b" " * 8, np.cumsum(lengths + 1) - lengths - 1
        ns = median_ns(lambda data=data, at=starts, n=lengths: native.parse_decimals(data, at, n), rounds, 20)
        python = median_ns(lambda parts=parts: list(map(float, parts)), rounds, 5)
        rows.append((name, f"{ns / len(parts):.1f}", f"{python / len(parts):.1f}"))
    return Table("Decimals", ("numbers", "ns each", "float() of Python"), tuple(rows))


def run(rounds: int) -> list[Table]:
    """All tables."""
    return [lines(rounds), stages(rounds), peers(rounds), decimals(rounds)]

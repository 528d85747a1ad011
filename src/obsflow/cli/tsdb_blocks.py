"""`obsflow tsdb create-blocks`: samples from a text, or from rules over recorded data, put into blocks."""

import argparse
import json
import os
import pathlib
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.adapters.data_directory import read_block
from obsflow.adapters.files import DirectoryFiles
from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.cli.tsdb_stats import Figures, measure_block, render_figures
from obsflow.errors import ConfigError, ExpositionSyntaxError, Problem
from obsflow.exposition import TimedSamples, parse_timed
from obsflow.flow.backtest import BacktestResult, run_backtest
from obsflow.flow.config import GlobalConfig, PrometheusConfig
from obsflow.tsdb.backfill import BlockBuilder
from obsflow.tsdb.block_writer import make_ulid, write_block
from obsflow.tsdb.compaction import SMALLEST_RANGE

BLOCK_MS = SMALLEST_RANGE
_RANDOM_BYTES = 10


_RANDOM_BYTES = 10


def run_openmetrics(options: argparse.Namespace) -> int:
    """Make blocks of a text. Nothing is written where anything in it is wrong."""
    body = options.file.read_bytes()
    try:
        parsed = parse_timed(body)
    except ExpositionSyntaxError as error:
        problem = Problem(str(options.file), *error.position, "", error.message)
        raise ConfigError((problem,)) from None
    builder = BlockBuilder(block_range=options.block_duration)
    more = dict(options.label)
    ways = (labels.with_(more) if more else labels for labels in parsed.labels)
    rows = np.array([builder.series(labels) for labels in ways], np.int64)[parsed.rows]
    wrong = _find_wrong(parsed, rows)
    if wrong:
        lines = ((body.count(b"\n", 0, int(parsed.starts[i])) + 1, why) for i, why in sorted(wrong.items()))
        raise ConfigError(tuple(Problem(str(options.file), line, 1, "", why) for line, why in lines))
    builder.add_columns(rows, parsed.times, parsed.values)
    return _create(options, builder)


def _find_wrong(parsed: TimedSamples, rows: npt.NDArray[np.int64]) -> dict[int, str]:
    """The samples of a text, of the series `rows`, that cannot be taken, and why."""
    wrong = {int(i): "sample has no time" for i in np.flatnonzero(~parsed.has_time)}
    timed = np.flatnonzero(parsed.has_time)
    order = timed[np.lexsort((parsed.times[timed], rows[timed]))]
    ordered, times, bits = rows[order], parsed.times[order], parsed.values[order].view(np.uint64)
    again = np.zeros(len(order), np.bool_)
    again[1:] = (ordered[1:] == ordered[:-1]) & (times[1:] == times[:-1])
    leading = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    differs = order[bits != bits[leading]].tolist()
    return wrong | {i: f"the series has another value at {parsed.times[i]} ms" for i in differs}


def run_rules(options: argparse.Namespace) -> int:
    """Make blocks of what rules write over recorded data, `ALERTS` and `ALERTS_FOR_STATE` among it."""
    files = ScenarioFiles(data=options.data, rules=tuple(options.rules))
    scenario = load_scenario(files, start=options.start, end=options.end)
    settings = PrometheusConfig(global_=GlobalConfig(evaluation_interval_ms=options.interval))
    result = run_backtest(attrs.evolve(scenario, prometheus=settings), threads=os.cpu_count() or 1)
    for problem in (*scenario.database.problems, *_failures(result)):
        print(f"warning: {problem}", file=sys.stderr)
    builder = BlockBuilder(block_range=options.block_duration)
    builder.add_store(result.written, scenario.start, scenario.end)
    return _create(options, builder)


def _failures(result: BacktestResult) -> Iterator[str]:
    """What was not written, and why: each reason once, with how often."""
    reasons = Counter(f"{each.rule} could not be evaluated: {each.error}" for each in result.failures)
    reasons.update(f"samples of {each.labels} were not taken: {each.error}" for each in result.rejected)
    yield from (f"{text} ({count} times)" if count > 1 else text for text, count in reasons.items())


def _create(options: argparse.Namespace, builder: BlockBuilder) -> int:
    """Write the blocks, and print what they are."""
    out: pathlib.Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    files = DirectoryFiles(out)
    made: list[Figures] = []
    try:
        for block in builder.blocks(_new_ulid):
            files.perform(write_block(block))
            made.append(measure_block(read_block(out / block.ulid)))
    finally:
        files.close()
    if options.format == "json":
        print(json.dumps([each.to_plain() for each in made], indent=2))
    else:
        print(render_figures(made) if made else "no samples, no blocks")
    return 0


def _new_ulid(_: int) -> str:
    """A name that says when the block was made; what is in it may be much older."""
    return make_ulid(time.time_ns() // 1_000_000, secrets.token_bytes(_RANDOM_BYTES))

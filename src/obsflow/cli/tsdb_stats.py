"""`obsflow tsdb stats` and `list`: the parts of a data directory in figures."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from obsflow import native
from obsflow.adapters.data_directory import decompress_zstd, read_directory
from obsflow.cli.table import render_table
from obsflow.errors import CorruptionError, NotFoundError
from obsflow.model.durations import render_duration
from obsflow.model.frames import Symbols
from obsflow.model.labels import quote
from obsflow.model.times import render_rfc3339
from obsflow.tsdb.analysis import Analysis, Ranking, analyze
from obsflow.tsdb.files import BlockFiles, DataDirectory, File
from obsflow.tsdb.head import Head
from obsflow.tsdb.index import decode_index
from obsflow.tsdb.meta import decode_meta

_HEAD = "head"
_BATCH_SERIES = 1 << 12
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@attrs.frozen(eq=False)
class Figures:
    """A block or the head: its interval (ms, as its meta has it, and closed for the head), and how much is in it."""

    name: str
    min_time: int
    max_time: int
    level: int
    samples: int
    chunks: int
    series: int
    bytes: int
    chunk_bytes: int

    def to_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        per_sample = round(self.chunk_bytes / self.samples, 3) if self.samples else None
        return {**attrs.asdict(self), "chunk_bytes_per_sample": per_sample}


def run_list(options: argparse.Namespace) -> int:
    """Print the blocks, in order of time."""
    blocks = [part for _, part in _read_blocks(read_directory(options.data))]
    print(json.dumps([each.to_plain() for each in blocks], indent=2) if _is_json(options) else render_figures(blocks))
    return 0


def run_stats(options: argparse.Namespace) -> int:
    """Print figures of all parts, and which labels have most series in one of them."""
    directory = read_directory(options.data)
    blocks = _read_blocks(directory)
    names = [part.name for _, part in blocks]
    chosen = options.block or (names[-1] if names else _HEAD)
    if chosen not in (*names, _HEAD):
        raise NotFoundError(f"{options.data}: there is no block {chosen}; there are {', '.join((*names, _HEAD))}")
    ends = [part.max_time for files, part in blocks if decode_meta(files.meta).is_in_order]
    head = Head.replay(directory.head, Symbols(), decompress_zstd, min_valid_time=max(ends, default=None))
    _warn(head.problems)
    parts = [part for _, part in blocks] + [_measure_head(directory, head)]
    if chosen == _HEAD:
        analysis = _analyze_head(head, options.limit)
    else:
        files, part = blocks[names.index(chosen)]
        analysis = _analyze_block(files, part, options.limit)
    logs = _logs(directory)
    if _is_json(options):
        record = {
            "parts": [each.to_plain() for each in parts],
            "logs": logs,
            "analysis": {"of": chosen, **attrs.asdict(analysis)},
        }
        print(json.dumps(record, indent=2))
    else:
        print("\n".join((render_figures(parts), "", *_render_logs(logs), "", *_render_analysis(chosen, analysis))))
    return 0


def _is_json(options: argparse.Namespace) -> bool:
    return bool(options.format == "json")


def _warn(problems: Sequence[CorruptionError]) -> None:
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)


# -- reading


def _read_blocks(directory: DataDirectory) -> list[tuple[BlockFiles, Figures]]:
    """The blocks whose meta can be read, in order of time."""
    blocks = []
    for files in directory.blocks:
        try:
            blocks.append((files, measure_block(files)))
        except CorruptionError as error:
            _warn((error,))
    return sorted(blocks, key=lambda each: (each[1].min_time, each[1].name))


def measure_block(files: BlockFiles) -> Figures:
    """A block as its meta describes it."""
    meta = decode_meta(files.meta)
    stats = json.loads(bytes(files.meta.data)).get("stats") or {}
    chunk_bytes = _size(files.segments.values())
    others = (files.meta, files.index, *([files.tombstones] if files.tombstones else []))
    return Figures(
        name=meta.ulid,
        min_time=meta.min_time,
        max_time=meta.max_time,
        level=meta.level,
        samples=int(stats.get("numSamples", 0)),
        chunks=int(stats.get("numChunks", 0)),
        series=int(stats.get("numSeries", 0)),
        bytes=chunk_bytes + _size(others),
        chunk_bytes=chunk_bytes,
    )


def _size(files: Iterable[File]) -> int:
    return sum(len(file.data) for file in files)


def _measure_head(directory: DataDirectory, head: Head) -> Figures:
    """The head as a server would find it again; what is in chunks already is counted as such."""
    samples = chunks = chunk_bytes = 0
    for first in range(0, len(head.series), _BATCH_SERIES):
        rows = np.arange(first, min(first + _BATCH_SERIES, len(head.series)))
        runs = head.runs(rows, _FIRST, _LAST).runs
        samples += len(native.decode_runs(runs)[0])
        closed = np.isin(runs.encoding, (1, 4))
        chunks += int(closed.sum())
        chunk_bytes += int(runs.length[closed].sum())
    files = directory.head
    checkpoint = files.checkpoint.segments.values() if files.checkpoint else ()
    everything = (*files.chunks.values(), *files.wal.values(), *files.wbl.values(), *checkpoint)
    is_empty = head.max_time < head.min_time
    return Figures(
        name=_HEAD,
        min_time=0 if is_empty else head.min_time,
        max_time=0 if is_empty else head.max_time,
        level=0,
        samples=samples,
        chunks=chunks,
        series=len(head.series),
        bytes=_size(everything),
        chunk_bytes=0 if not chunks else chunk_bytes,
    )


def _logs(directory: DataDirectory) -> dict[str, dict[str, int]]:
    """Files and bytes of what the head is made of."""
    head = directory.head
    checkpoint = head.checkpoint
    parts = {"wal": head.wal, "wbl": head.wbl, "chunks_head": head.chunks}
    logs = {name: {"files": len(files), "bytes": _size(files.values())} for name, files in parts.items() if files}
    if checkpoint is not None:
        name = f"checkpoint.{checkpoint.number:08d}"
        logs[name] = {"files": len(checkpoint.segments), "bytes": _size(checkpoint.segments.values())}
    return logs


def _analyze_block(files: BlockFiles, part: Figures, limit: int) -> Analysis:
    index = decode_index(files.index, Symbols())
    _warn(index.problems)
    chunks = index.chunks
    some = np.diff(chunks.offsets) > 0
    first, last = np.zeros(len(index.series), np.int64), np.zeros(len(index.series), np.int64)
    first[some], last[some] = chunks.min_time[chunks.offsets[:-1][some]], chunks.max_time[chunks.offsets[1:][some] - 1]
    return analyze(index.series, first, last, part.max_time - part.min_time, limit)


def _analyze_head(head: Head, limit: int) -> Analysis:
    runs = head.runs(np.arange(len(head.series)), _FIRST, _LAST).runs
    first, last = np.zeros(len(head.series), np.int64), np.zeros(len(head.series), np.int64)
    owner = np.repeat(np.arange(len(runs)), np.diff(runs.offsets))
    first[:], last[:] = _LAST, _FIRST
    np.minimum.at(first, owner, runs.min_time)
    np.maximum.at(last, owner, runs.max_time)
    empty = last < first
    first[empty] = last[empty] = 0
    return analyze(head.series, first, last, max(0, head.max_time - head.min_time), limit)


# -- text


def render_figures(parts: Sequence[Figures]) -> str:
    """A table, one line a part."""
    header = ("PART", "FROM", "TO", "DURATION", "LEVEL", "SAMPLES", "CHUNKS", "SERIES", "BYTES", "BYTES A SAMPLE")
    rows = [
        (
            each.name,
            *(_time(each, each.min_time), _time(each, each.max_time), render_duration(each.max_time - each.min_time)),
            *map(str, (each.level or "-", each.samples, each.chunks, each.series, each.bytes)),
            f"{each.chunk_bytes / each.samples:.2f}" if each.samples and each.chunk_bytes and each.level else "-",
        )
        for each in parts
    ]
    return render_table(header, rows)


def _time(part: Figures, time: int) -> str:
    return render_rfc3339(time) if part.max_time or part.min_time else "-"


def _render_logs(logs: dict[str, dict[str, int]]) -> Iterator[str]:
    rows = [(name, str(each["files"]), str(each["bytes"])) for name, each in logs.items()]
    yield render_table(("LOG", "FILES", "BYTES"), rows) if rows else "no log"


_TITLES = {
    "churning_pairs": "Label pairs most involved in churning",
    "churning_names": "Label names most involved in churning",
    "common_pairs": "Most common label pairs",
    "longest_names": "Label names with highest cumulative label value length",
    "widest_names": "Highest cardinality labels",
    "common_metrics": "Highest cardinality metric names",
}


def _render_analysis(name: str, analysis: Analysis) -> Iterator[str]:
    pairs = f"{analysis.label_pairs} label pairs, {analysis.entries} in all series together"
    yield f"Labels of {name}: {analysis.series} series, {analysis.label_names} label names, {pairs}"
    for field, title in _TITLES.items():
        ranking: Ranking = getattr(analysis, field)
        yield from ("", f"{title}:", *(f"{figure} {_printable(text)}" for figure, text in ranking))


def _printable(text: str) -> str:
    return text if text.isprintable() else quote(text)[1:-1]

"""`obsflow tsdb verify`: is everything in a data directory what it should be."""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from obsflow.adapters.data_directory import decompress_zstd, read_directory
from obsflow.tsdb.verification import Part, verify


def run_verify(options: argparse.Namespace) -> int:
    """Read everything and print what is wrong; returns 1 if anything is."""
    parts = []
    for part in verify(read_directory(options.data), decompress_zstd):
        if options.format == "text":
            print("\n".join(_render(part, options.limit)), flush=True)
        parts.append(part)
    if options.format == "json":
        is_sound = all(part.is_sound for part in parts)
        print(json.dumps({"is_sound": is_sound, "parts": [_to_plain(part) for part in parts]}, indent=2))
    return int(not all(part.is_sound for part in parts))


def _render(part: Part, limit: int) -> Iterator[str]:
    yield f"{part.name}: {'sound' if part.is_sound else 'damaged'}, {render_counts(part.counts)}"
    if part.lost:
        yield f"  lost: {render_counts(part.lost)}"
    if not part.is_sound:
        yield f"  {len(part.problems)} {'problem' if len(part.problems) == 1 else 'problems'}:"
    yield from (f"    {problem}" for problem in part.problems[:limit])
    if len(part.problems) > limit:
        yield f"    and {len(part.problems) - limit} more"
    yield from (f"  note: {note}" for note in part.notes)


def render_counts(counts: Mapping[str, int]) -> str:
    """How many of each kind, those that are none left out."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "empty"


def _to_plain(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "is_sound": part.is_sound,
        "counts": dict(part.counts),
        "lost": dict(part.lost),
        "problems": [{"file": each.file, "offset": each.offset, "message": each.message} for each in part.problems],
        "notes": list(part.notes),
    }

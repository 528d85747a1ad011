"""`meta.json` of a block."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File

ULID_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FROM_OUT_OF_ORDER = "from-out-of-order"
FROM_STALE_SERIES = "from-stale-series"
FROM_SELECTED_SERIES = "from-selected-series"


@attrs.frozen
class BlockStats:
    """How many of each a block says that it has; 0 where it does not say."""

    samples: int = 0
    series: int = 0
    chunks: int = 0
    tombstones: int = 0


@attrs.frozen
class BlockMeta:
    """What a block says about itself. Samples lie in the half-open `[min_time, max_time)`, ms."""

    ulid: str
    min_time: int
    max_time: int
    level: int = 1
    sources: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    stats: BlockStats = BlockStats()
    is_failed: bool = False
    is_deletable: bool = False

    @property
    def is_in_order(self) -> bool:
        """Whether all that the head held before `max_time` is in this block or an older one."""
        return not self.hints


def is_ulid(text: str) -> bool:
    """Whether a directory of this name is a block."""
    return len(text) == 26 and text[0] in ULID_DIGITS[:8] and all(each in ULID_DIGITS for each in text)


def decode_meta(file: File) -> BlockMeta:
    """The meta of a block. Unknown keys are left alone, as other systems add theirs. Raises CorruptionError."""
    raw = _decode(file)
    compaction = _object(raw.get("compaction"))
    stats = _object(raw.get("stats"))
    return BlockMeta(
        ulid=str(raw.get("ulid", "")),
        min_time=_integer(raw, "minTime", file.name),
        max_time=_integer(raw, "maxTime", file.name),
        level=_integer(compaction, "level", file.name) if "level" in compaction else 1,
        sources=_texts(compaction.get("sources")),
        parents=tuple(
            str(parent["ulid"])
            for parent in _list(compaction.get("parents"))
            if isinstance(parent, dict) and "ulid" in parent
        ),
        hints=_texts(compaction.get("hints")),
        stats=BlockStats(
            samples=_count(stats.get("numSamples")),
            series=_count(stats.get("numSeries")),
            chunks=_count(stats.get("numChunks")),
            tombstones=_count(stats.get("numTombstones")),
        ),
        is_failed=compaction.get("failed") is True,
        is_deletable=compaction.get("deletable") is True,
    )


def render_meta(meta: Mapping[str, Any]) -> bytes:
    """The file, indented with tabs."""
    return json.dumps(meta, indent="\t").encode()


def with_tombstones(file: File, count: int) -> bytes:
    """The file again, saying that the block has so many deleted intervals; all else in it stays."""
    raw = _decode(file)
    stats = {name: value for name, value in _object(raw.get("stats")).items() if name != "numTombstones"}
    return render_meta({**raw, "stats": stats | ({"numTombstones": count} if count else {})})


def with_failure(file: File) -> bytes:
    """The file again, saying that compacting the block failed; all else in it stays."""
    raw = _decode(file)
    return render_meta({**raw, "compaction": {**_object(raw.get("compaction")), "failed": True}})


def _decode(file: File) -> dict[str, Any]:
    try:
        raw = json.loads(bytes(file.data))
    except (ValueError, RecursionError) as error:
        raise CorruptionError(f"not JSON: {error}", file.name, getattr(error, "pos", 0)) from None
    if not isinstance(raw, dict):
        raise CorruptionError("expected a JSON object", file.name)
    if raw.get("version") != 1:
        raise CorruptionError(f"expected version 1, found {raw.get('version')!r}", file.name)
    return raw


def _integer(raw: Mapping[str, Any], key: str, file: str) -> int:
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise CorruptionError(f"expected an integer {key}, found {value!r}", file)
    return value


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(value))

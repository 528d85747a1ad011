"""`meta.json` of a block."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File


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

    @property
    def is_in_order(self) -> bool:
        """Whether all that the head held before `max_time` is in this block or an older one."""
        return not self.hints


def decode_meta(file: File) -> BlockMeta:
    """The meta of a block. Unknown keys are left alone, as other systems add theirs. Raises CorruptionError."""
    try:
        raw = json.loads(bytes(file.data))
    except (ValueError, RecursionError) as error:
        raise CorruptionError(f"not JSON: {error}", file.name, getattr(error, "pos", 0)) from None
    if not isinstance(raw, dict):
        raise CorruptionError("expected a JSON object", file.name)
    if raw.get("version") != 1:
        raise CorruptionError(f"expected version 1, found {raw.get('version')!r}", file.name)
    compaction = raw.get("compaction")
    compaction = compaction if isinstance(compaction, dict) else {}
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
    )


def _integer(raw: Mapping[str, Any], key: str, file: str) -> int:
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise CorruptionError(f"expected an integer {key}, found {value!r}", file)
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(value))

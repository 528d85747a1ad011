"""What the fixtures are made of: configurations as texts, or as paths relative to the file of a test."""

import pathlib
import zoneinfo
from collections.abc import Mapping
from typing import Any

from obsflow.alertmanager import Config, load_config, parse_compat
from obsflow.notify import KINDS, Globals
from obsflow.notify.route_labels import label_problems
from obsflow.rules import load_rules
from obsflow.testing.virtual_time import VirtualRouter, VirtualTimeline

Source = str | pathlib.Path


def make_timeline(
    folder: pathlib.Path, rules: Source, routes: Source | None, options: Mapping[str, Any]
) -> VirtualTimeline:
    """A timeline of these rules and routes. Raises ConfigError, and OSError for a file that cannot be read."""
    own = dict(options)
    compat = parse_compat(own.pop("compat", "obsflow"))
    config = None if routes is None else _load_routes(folder, routes, compat.name)
    file = load_rules(*_read(folder, rules, "rules.yml"))
    return VirtualTimeline((file,), config, compat=compat, **own)


def make_router(folder: pathlib.Path, routes: Source, compat: str) -> VirtualRouter:
    """An Alertmanager with these routes. Raises as `make_timeline` does, and ValueError for an unknown compat."""
    return VirtualRouter(_load_routes(folder, routes, compat), parse_compat(compat))


def _load_routes(folder: pathlib.Path, routes: Source, compat: str) -> Config:
    text, source = _read(folder, routes, "alertmanager.yml")
    return load_config(
        text, source, KINDS, Globals, compat=parse_compat(compat), zones=zoneinfo.ZoneInfo, check_labels=label_problems
    )


def _read(folder: pathlib.Path, source: Source, name: str) -> tuple[str, str]:
    """Text and name of a source; a text has lines, the name of a file has not."""
    if isinstance(source, str) and "\n" in source:
        return source, name
    path = folder / source
    return path.read_text(encoding="utf-8"), str(path)

"""Gathers what a backtest replays from the files of a capture directory, or from files that are named one by one."""

import functools
import glob
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import attrs

from obsflow.adapters.data_directory import open_database
from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import Compat, Config, Silence, parse_compat, parse_silences
from obsflow.errors import ConfigError, Problem
from obsflow.flow.config import CaptureInfo, PrometheusConfig, load_capture_info, load_prometheus
from obsflow.flow.phase import recorded_start
from obsflow.flow.scenario import Scenario
from obsflow.notify import secret_files
from obsflow.rules import RuleFile, load_rules
from obsflow.tsdb.database import Database

Path = pathlib.Path
T = TypeVar("T")


@attrs.frozen
class ScenarioFiles:
    """Where the parts of a scenario are. What is None comes from the capture directory, if that has it.

    A capture holds `data/`, `prometheus.yml` (which names the rule files), `alertmanager.yml`, `silences.json`,
    `capture.yml`.
    """

    capture: Path | None = None
    data: Path | None = None
    rules: tuple[Path, ...] = ()
    prometheus: Path | None = None
    alertmanager: Path | None = None
    silences: Path | None = None

    def find(self, given: Path | None, name: str) -> Path | None:
        """The file that was given, else the capture's own of that name, else None."""
        if given is not None or self.capture is None:
            return given
        path = self.capture / name
        return path if path.exists() else None


def load_scenario(
    files: ScenarioFiles, *, start: int | None = None, end: int | None = None, compat: str | None = None
) -> Scenario:
    """Read everything; every problem of every file is in the one ConfigError. Times are ms; None takes all of the data.

    Without `start` evaluation begins when the server that recorded the data started, where that is known.

    Raises ConfigError, DataDirectoryError.
    """
    reader = _Reader()
    info = reader.read(files.find(None, "capture.yml"), load_capture_info, CaptureInfo())
    info = info if compat is None else attrs.evolve(info, compat=compat)
    prometheus_path = files.find(files.prometheus, "prometheus.yml")
    prometheus = reader.read(prometheus_path, load_prometheus, PrometheusConfig())
    rule_paths = files.rules or tuple(_resolve(prometheus.rule_files, prometheus_path))
    rule_files = [file for path in rule_paths if (file := reader.read(path, _load_rules, None)) is not None]
    router_path = files.find(files.alertmanager, "alertmanager.yml")
    load_router = functools.partial(_load_alertmanager, compat=parse_compat(info.compat))
    router = reader.read(router_path, load_router, None)
    templates = _resolve(router.templates, router_path) if router else ()
    template_files = [reader.read(path, lambda text, _: text, "") for path in templates]
    secrets = _read_secrets(router)
    silences: tuple[Silence, ...] = reader.read(files.find(files.silences, "silences.json"), parse_silences, ())
    reader.finish()
    database = open_database(files.find(files.data, "data") or _no_data(files))
    return Scenario(
        database=database,
        rule_files=tuple(rule_files),
        start=_start(info, database, rule_files) if start is None else start,
        end=database.max_time if end is None else end,
        prometheus=prometheus,
        alertmanager=router,
        template_files=tuple(template_files),
        secret_files=secrets,
        silences=silences,
        info=info,
    )


def _load_rules(text: str, source: str) -> RuleFile | None:
    return load_rules(text, source)


def _load_alertmanager(text: str, source: str, compat: Compat) -> Config | None:
    return load_alertmanager(text, source, compat=compat)


def _read_secrets(router: Config | None) -> dict[str, str]:
    """The contents of secret files by path. A replay sends nothing, so one that is not here is named in its place."""
    receivers = router.receivers.values() if router else ()
    paths = {path for each in receivers for entry in each.integrations for path in secret_files(entry.config)}
    return {path: Path(path).read_text().strip() if Path(path).is_file() else f"<contents of {path}>" for path in paths}


def _start(info: CaptureInfo, database: Database, rule_files: Sequence[RuleFile]) -> int:
    """When the server that recorded the data began to evaluate rules, as far as is known; else when the data begins."""
    if info.prometheus.started is None:
        return database.min_time
    groups = [group for file in rule_files for group in file.groups]
    return recorded_start(database, groups, info.prometheus.started, database.min_time)


def _no_data(files: ScenarioFiles) -> Path:
    """The capture itself, where it is a data directory."""
    if files.capture is None:
        raise ConfigError((Problem("", 0, 0, "", "a capture directory or a data directory is needed"),))
    return files.capture


def _resolve(patterns: Sequence[str], beside: Path | None) -> Iterator[Path]:
    """The files that globs match, relative to the file that names them; a name without a match stands for itself."""
    base = beside.parent if beside is not None else Path()
    for pattern in patterns:
        matches = sorted(glob.glob(str(base / pattern)))  # noqa: PTH207 - patterns may be absolute
        if matches:
            yield from map(Path, matches)
        elif not glob.has_magic(pattern):
            yield base / pattern


class _Reader:
    """Reads files one after the other and keeps what is wrong with any of them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, path: Path | None, parse: Callable[[str, str], T], default: T) -> T:
        """The parsed file; the default where there is none, or where it has problems."""
        try:
            if path is not None:
                return parse(path.read_text(encoding="utf-8"), str(path))
        except ConfigError as error:
            self.problems.extend(error.problems)
        except OSError as error:
            self.problems.append(Problem(str(path), 0, 0, "", f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError as error:
            self.problems.append(Problem(str(path), 0, 0, "", f"is not UTF-8 at byte {error.start}"))
        return default

    def finish(self) -> None:
        """Raise what has been collected."""
        if self.problems:
            raise ConfigError(tuple(self.problems))

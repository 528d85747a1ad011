"""From a metric to an action: Prometheus data, PromQL, rules, routing and notifications as one library.

`open` opens a Prometheus data directory, to read or to write it; `TSDB` is a store in memory; `Engine` evaluates PromQL
over any of them. `Flow` is the loop from samples to notifications, a machine that takes time as an argument;
`run_backtest` replays it over history.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obsflow.adapters.disk import DiskTSDB
    from obsflow.adapters.opening import open_directory as open  # noqa: A004 - `obsflow.open` reads well
    from obsflow.adapters.routes import load_alertmanager
    from obsflow.adapters.scenario import ScenarioFiles, load_scenario
    from obsflow.alertmanager import Decision, Delivered, DeliveryFailed, Notify, ReceiveAlerts, SetSilence, Silence
    from obsflow.errors import ConfigError, CorruptionError, ObsflowError, ParseError, QueryError
    from obsflow.flow.backtest import BacktestResult, run_backtest
    from obsflow.flow.explain import explain
    from obsflow.flow.loop import Flow
    from obsflow.flow.report.page import render_page
    from obsflow.flow.scenario import Scenario
    from obsflow.flow.sweep import parse_sweep, run_sweep, variations
    from obsflow.model.alerts import Alert
    from obsflow.model.labels import Labels
    from obsflow.model.notifications import Notification
    from obsflow.notify import Renderer, Request
    from obsflow.promql import Dialect
    from obsflow.query.engine import Engine
    from obsflow.query.limits import Limits
    from obsflow.query.result import Batch, Result
    from obsflow.rules import EvaluationFailed, RestorePolicy, Transition, load_rules
    from obsflow.tsdb.database import Database
    from obsflow.tsdb.memory import TSDB

__all__ = [
    "TSDB",
    "Alert",
    "BacktestResult",
    "Batch",
    "ConfigError",
    "CorruptionError",
    "Database",
    "Decision",
    "Delivered",
    "DeliveryFailed",
    "Dialect",
    "DiskTSDB",
    "Engine",
    "EvaluationFailed",
    "Flow",
    "Labels",
    "Limits",
    "Notification",
    "Notify",
    "ObsflowError",
    "ParseError",
    "QueryError",
    "ReceiveAlerts",
    "Renderer",
    "Request",
    "RestorePolicy",
    "Result",
    "Scenario",
    "ScenarioFiles",
    "SetSilence",
    "Silence",
    "Transition",
    "explain",
    "load_alertmanager",
    "load_rules",
    "load_scenario",
    "open",
    "parse_sweep",
    "render_page",
    "run_backtest",
    "run_sweep",
    "variations",
]

_ORIGINS = {
    "TSDB": "obsflow.tsdb.memory",
    "Alert": "obsflow.model.alerts",
    "BacktestResult": "obsflow.flow.backtest",
    "Batch": "obsflow.query.result",
    "ConfigError": "obsflow.errors",
    "CorruptionError": "obsflow.errors",
    "Database": "obsflow.tsdb.database",
    "Decision": "obsflow.alertmanager",
    "Delivered": "obsflow.alertmanager",
    "DeliveryFailed": "obsflow.alertmanager",
    "Dialect": "obsflow.promql",
    "DiskTSDB": "obsflow.adapters.disk",
    "Engine": "obsflow.query.engine",
    "EvaluationFailed": "obsflow.rules",
    "Flow": "obsflow.flow.loop",
    "Labels": "obsflow.model.labels",
    "Limits": "obsflow.query.limits",
    "Notification": "obsflow.model.notifications",
    "Notify": "obsflow.alertmanager",
    "ObsflowError": "obsflow.errors",
    "ParseError": "obsflow.errors",
    "QueryError": "obsflow.errors",
    "ReceiveAlerts": "obsflow.alertmanager",
    "Renderer": "obsflow.notify",
    "Request": "obsflow.notify",
    "RestorePolicy": "obsflow.rules",
    "Result": "obsflow.query.result",
    "Scenario": "obsflow.flow.scenario",
    "ScenarioFiles": "obsflow.adapters.scenario",
    "SetSilence": "obsflow.alertmanager",
    "Silence": "obsflow.alertmanager",
    "Transition": "obsflow.rules",
    "explain": "obsflow.flow.explain",
    "load_alertmanager": "obsflow.adapters.routes",
    "load_rules": "obsflow.rules",
    "load_scenario": "obsflow.adapters.scenario",
    "open": "obsflow.adapters.opening",
    "parse_sweep": "obsflow.flow.sweep",
    "render_page": "obsflow.flow.report.page",
    "run_backtest": "obsflow.flow.backtest",
    "run_sweep": "obsflow.flow.sweep",
    "variations": "obsflow.flow.sweep",
}
"""Where each name comes from. It is imported when it is asked for: a command, or a pytest plugin, needs few of them."""


def __getattr__(name: str) -> Any:
    """A public name of the library, or one of its packages."""
    if name in _ORIGINS:
        value = getattr(importlib.import_module(_ORIGINS[name]), "open_directory" if name == "open" else name)
        globals()[name] = value
        return value
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}") is not None:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})

"""From a metric to an action: Prometheus data, PromQL, rules, routing and notifications as one library.

`open` reads a Prometheus data directory, `TSDB` is a store in memory, `Engine` evaluates PromQL over either. `Flow` is
the loop from samples to notifications, a machine that takes time as an argument; `run_backtest` replays it over
history.
"""

from obsflow.adapters.data_directory import open_database as open  # noqa: A004 - `obsflow.open` is how it reads
from obsflow.adapters.routes import load_alertmanager
from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.alertmanager import Decision, Delivered, DeliveryFailed, Notify, ReceiveAlerts, SetSilence, Silence
from obsflow.errors import ConfigError, CorruptionError, ObsflowError, ParseError, QueryError
from obsflow.flow.backtest import BacktestResult, run_backtest
from obsflow.flow.loop import Flow
from obsflow.flow.scenario import Scenario
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
    "load_alertmanager",
    "load_rules",
    "load_scenario",
    "open",
    "run_backtest",
]

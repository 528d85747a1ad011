"""What a backtest replays."""

from collections.abc import Mapping

import attrs

from obsflow.alertmanager import Compat, Config, Silence, parse_compat
from obsflow.flow.config import CaptureInfo, PrometheusConfig
from obsflow.rules import RuleFile
from obsflow.tsdb.database import Database


@attrs.frozen(eq=False)
class Scenario:
    """Everything that a backtest replays. `start` and `end` in ms, both included.

    `template_files` are the texts of the template files that the Alertmanager configuration names, `secret_files` the
    contents by path of its secret files. Without an Alertmanager configuration there are alerts and no notifications.
    """

    database: Database
    rule_files: tuple[RuleFile, ...]
    start: int
    end: int
    prometheus: PrometheusConfig = attrs.field(factory=PrometheusConfig)
    alertmanager: Config | None = None
    template_files: tuple[str, ...] = ()
    secret_files: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    silences: tuple[Silence, ...] = ()
    info: CaptureInfo = attrs.field(factory=CaptureInfo)

    @property
    def compat(self) -> Compat:
        """Whose habits the router has. Raises ValueError for a name that nobody has."""
        return parse_compat(self.info.compat)

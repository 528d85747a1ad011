"""Loads an Alertmanager configuration with every integration there is, and the machine's time zones."""

import zoneinfo

from obsflow.alertmanager import OBSFLOW, Compat, Config, load_config
from obsflow.notify import Globals
from obsflow.notify.catalog import KINDS
from obsflow.notify.route_labels import label_problems


def load_alertmanager(text: str, source: str = "alertmanager.yml", *, compat: Compat = OBSFLOW) -> Config:
    """Read an `alertmanager.yml`. `source` is the name that problems are reported under.

    Raises ConfigError with every problem.
    """
    return load_config(
        text, source, KINDS, Globals, compat=compat, zones=zoneinfo.ZoneInfo, check_labels=label_problems
    )

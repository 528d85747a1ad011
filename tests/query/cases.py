"""Short ways to say what is stored and what came of a query."""

import math
import re

from obsflow.model.labels import Labels
from obsflow.query.engine import Engine
from tests.query.store import ListStore

_SERIES = re.compile(r"([a-z_:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'([a-z_]+)="([^"]*)"')

MINUTE = 60_000


def series(text):
    """The labels of `name{a="b"}`."""
    name, inner = _SERIES.fullmatch(text).groups()
    return Labels({"__name__": name, **dict(_LABEL.findall(inner or ""))})


def store(samples, step=MINUTE):
    """A store of `{series: values}`, a sample every minute from 0; None is a gap."""
    database = ListStore()
    for text, values in samples.items():
        points = [(i * step, value) for i, value in enumerate(values) if value is not None]
        database.add(series(text), [time for time, _ in points], [value for _, value in points])
    return database


def engine(samples, **options):
    """An engine over `store(samples)`."""
    return Engine(store(samples), **options)


def shown(pairs):
    """{series as text: value}; a NaN is the text `NaN`, which equals itself."""
    return {str(labels): "NaN" if math.isnan(value) else value for labels, value in pairs}


def ask(samples, query, time=0, **options):
    """{series as text: value} of an instant query."""
    return shown(engine(samples, **options).query(query, time).vector())

"""The least store that queries can be asked of: series in a list."""

import numpy as np

from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import all_match
from obsflow.model.storage import Runs, Selection


class ListStore:
    """Series as (labels, times, values); every selection looks at all of them."""

    def __init__(self, series=()):
        self.symbols = Symbols()
        self.series = []
        self.selections = 0
        for labels, times, values in series:
            self.add(labels, times, values)

    def add(self, labels, times, values):
        labels = labels if isinstance(labels, Labels) else Labels(labels)
        self.series.append((labels, np.asarray(times, np.int64), np.asarray(values, np.float64)))

    def select(self, matchers, start, end):
        self.selections += 1
        chosen = []
        for labels, times, values in self.series:
            if all_match(tuple(matchers), labels):
                inside = (times >= start) & (times <= end)
                if inside.any():
                    chosen.append((labels, times[inside], values[inside]))
        columns = LabelColumns.from_labels(self.symbols, [labels for labels, _, _ in chosen])
        counts = [len(times) for _, times, _ in chosen]
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        times = np.concatenate([times for _, times, _ in chosen] or [np.zeros(0, np.int64)])
        values = np.concatenate([values for _, _, values in chosen] or [np.zeros(0)])
        return Selection(columns, Runs.from_arrays(times, values, offsets))

"""Label sets as columns, pair by pair."""


def names(series, rows):
    """The names that the series at `rows` have."""
    return {name for row in rows for name, _ in series[row]}


def columns(series, rows, wanted):
    """For each of the names its value in each row; 0 where there is none, the last where there are several."""
    return [[dict(series[row]).get(name, 0) for row in rows] for name in wanted]

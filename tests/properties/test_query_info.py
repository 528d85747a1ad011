"""`info` agrees with a slow obvious evaluator, however series and their info come and go."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.promql import Oracle
from tests.properties.test_query import TIMES, expected, of_result, of_step
from tests.query.store import ListStore

from obsflow.model.floats import STALE_NAN
from obsflow.model.labels import Labels
from obsflow.promql import Dialect, parse
from obsflow.query.engine import Engine

DIALECT = Dialect(experimental_functions=True)
LABELS = {
    "__name__": ("x", "x", "x", "target_info", "target_info", "build_info", "build_info"),
    "instance": ("", "0", "1"),
    "job": ("", "0"),
    "version": ("", "old", "new"),
    "zone": ("", "", "a", "b"),
}
VECTORS = (
    "x",
    "{__name__!=''}",
    "x @ 200",
    "x offset 90s",
    "-x",
    "sum by (instance, job) (x)",
    "last_over_time((x offset 30s)[2m:20s] @ 300)",
    "last_over_time(x[2m] offset -30s)",
    "vector(1)",
)
CHOICES = (
    "",
    ", {version=~'.+'}",
    ", {version='new',zone=~'.*'}",
    ", {__name__=~'.+_info'}",
    ", {__name__='build_info',zone!='a'}",
    ", {__name__!='target_info'}",
    ", {__name__!~'t.+',missing=~'.+'}",
)


@st.composite
def databases(draw):
    identities = st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in LABELS.items()})
    series = []
    for labels in draw(st.lists(identities.map(Labels), min_size=2, max_size=8, unique=True)):
        slots = draw(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True).map(sorted))
        values = draw(st.lists(st.sampled_from((1.0, 2.0, STALE_NAN)), min_size=len(slots), max_size=len(slots)))
        series.append((labels, [30_000 * slot for slot in slots], values))
    return series


@settings(max_examples=200, deadline=None)
@given(
    databases(),
    st.sampled_from(VECTORS),
    st.sampled_from(CHOICES),
    st.lists(TIMES, min_size=1, max_size=4),
    st.sampled_from(("info({}{})", "sum(info({}{}))")),
)
def test_info_equals_the_oracle(series, vector, choice, times, form):
    """Labels, values and errors are the same at each step of a batch and at the instant."""
    text = form.format(vector, choice)
    times = np.sort(np.array(times))
    engine = Engine(ListStore(series), dialect=DIALECT)
    batch = engine.query_batch(text, times)
    for i, time in enumerate(times.tolist()):
        got = str(batch.failures[i])[:12] if i in batch.failures else of_step(batch.frame, i)
        want = expected(Oracle(series), parse(text, DIALECT), time)
        assert got == want == of_result(lambda t=time: engine.query(text, t)), text

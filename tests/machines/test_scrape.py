"""A target's scrapes as a Hypothesis state machine: every series that is there ends once, and replay is exact."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from obsflow import Labels
from obsflow.errors import StateError
from obsflow.exposition import (
    SCRAPE_TABLE,
    RelabelConfig,
    ScrapeLoop,
    ScrapeObservation,
    ScrapeState,
    Target,
)
from obsflow.model.floats import is_stale

PLAIN = "text/plain"
INTERVAL = 1000
NAMES = ("a", "b", "c", "d", "dropped_1", "dropped_2")
LINES = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from(["", "{}"]), st.integers(0, 9), st.sampled_from([False, False, True])
    ),
    min_size=1,
    max_size=6,
)
OBSERVATIONS = {
    ScrapeObservation.SCRAPE: lambda loop, time: loop.failed("x", time),
    ScrapeObservation.REMOVE: lambda loop, time: loop.removed(time),
    ScrapeObservation.RETURN: lambda loop, _: loop.returned(),
    ScrapeObservation.EXPIRE: lambda loop, _: loop.expired(1 << 60),
}


class Store:
    """Gives out numbers, and drops series."""

    def __init__(self):
        self.numbers, self.count = {}, 0

    def series(self, labels):
        if labels not in self.numbers:
            self.numbers[labels] = self.count
            self.count += 1
        return self.numbers[labels]


class ScrapeMachine(RuleBasedStateMachine):
    """Scrapes that go well, fail, are lost; a target that goes and comes; a store that drops series."""

    @initialize(limit=st.sampled_from([0, 3]), tracks=st.booleans())
    def start(self, limit, tracks):
        self.target = Target(
            Labels(job="j"),
            interval_ms=INTERVAL,
            timeout_ms=INTERVAL,
            sample_limit=limit,
            track_timestamps_staleness=tracks,
            metric_relabel_configs=(RelabelConfig(("__name__",), regex="dropped.*", action="drop"),),
        )
        self.store, self.time = Store(), 100_000
        self.loop = ScrapeLoop(self.target, self.store)
        self.alive, self.owed, self.dropped = set(), set(), set()  # names of series
        self.last = ()
        self.calls = []

    def call(self, *call):
        self.calls.append(call)
        return self.perform(self.loop, self.store, call)

    @staticmethod
    def perform(loop, store, call):
        what, *arguments = call
        if what == "drop":
            dropped = [store.numbers.pop(labels) for labels in list(store.numbers) if labels.name in arguments[0]]
            return loop.forget(np.array(dropped, np.int64))
        return getattr(loop, what)(*arguments)

    def named(self, scraped, values):
        names = {number: labels.name for labels, number in self.store.numbers.items()}
        return [names[row] for row in scraped.references[values].tolist()]

    def check_ends(self, scraped, present):
        """Exactly the series that were there, or whose end was lost, and are not now, end."""
        stale = is_stale(scraped.values)
        ended = self.named(scraped, stale)
        assert len(set(ended)) == len(ended)
        assert set(ended) == (self.alive | self.owed) - present
        assert set(scraped.times[stale].tolist()) <= {scraped.time}
        self.last, self.owed, self.alive, self.dropped = ended, set(), set(), set()

    @precondition(lambda self: self.loop.state in {ScrapeState.NEW, ScrapeState.SCRAPED})
    @rule(lines=LINES, late=st.integers(0, 2500), broken=st.sampled_from([False] * 5 + [True]))
    def scrape(self, lines, late, broken):
        self.time = max(self.time + 1, (self.loop.next_due or 0)) + late
        rows = [f"{name}{form} {value}{f' {self.time - 5}' if own else ''}\n" for name, form, value, own in lines]
        body = "".join([*rows, "broken\n" if broken else ""]).encode()
        scraped = self.call("scraped", body, PLAIN, self.time)
        kept = [(name, form, own) for name, form, _, own in lines if not name.startswith("dropped")]
        fails = broken or (self.target.sample_limit and len(kept) > self.target.sample_limit)
        assert (scraped.failure is not None) == bool(fails)
        assert scraped.samples_scraped == len(lines)
        assert scraped.samples_kept == len(kept)
        tracked = {name for name, _, own in kept if self.target.track_timestamps_staleness or not own}
        present = {name for name, _, _ in kept}
        if fails or not body:
            self.check_ends(scraped, set())
            return
        exposed = slice(0, len(kept))
        assert self.named(scraped, exposed) == [name for name, _, _ in kept]
        # A series that has a time of its own now, and had none, ends, also if the store made it anew in between; an end
        # that was lost comes only if the series is away.
        self.alive |= self.dropped & present
        self.owed -= present
        self.check_ends(scraped, tracked)
        self.alive = tracked

    @precondition(lambda self: self.loop.state in {ScrapeState.NEW, ScrapeState.SCRAPED})
    @rule()
    def fail(self):
        self.time += INTERVAL
        scraped = self.call("failed", "refused", self.time)
        self.check_ends(scraped, set())
        assert not scraped.values[-5]

    @rule()
    def lose(self):
        self.call("lost")
        self.owed |= set(self.last)

    @rule(names=st.sets(st.sampled_from([*NAMES[:4], "up"]), min_size=1, max_size=2))
    def drop(self, names):
        self.call("drop", names)
        self.dropped |= self.alive & names
        self.alive -= names
        self.owed -= names
        self.last = [name for name in self.last if name not in names]

    @precondition(lambda self: self.loop.state is ScrapeState.SCRAPED)
    @rule()
    def remove(self):
        self.call("removed", self.time)
        assert self.loop.next_due >= self.time + INTERVAL

    @precondition(lambda self: self.loop.state is ScrapeState.REMOVED)
    @rule(returns=st.sampled_from([True] * 4 + [False]))
    def end(self, returns):
        if returns:
            self.call("returned")
            return
        scraped = self.call("expired", self.loop.next_due)
        assert is_stale(scraped.values).all()
        ended = set(self.named(scraped, slice(None)))
        assert ended >= self.alive | self.owed | {"up"}

    @invariant()
    def only_the_table_is_allowed(self):
        """What the table does not hold raises, and changes nothing."""
        for observation, happen in OBSERVATIONS.items():
            if (self.loop.state, observation) not in SCRAPE_TABLE:
                before = (self.loop.state, self.loop.next_due)
                with pytest.raises(StateError):
                    happen(self.loop, self.time)
                assert (self.loop.state, self.loop.next_due) == before

    def teardown(self):
        """The same calls give the same columns."""
        if not hasattr(self, "calls"):
            return
        stores = Store(), Store()
        loops = [ScrapeLoop(self.target, store, seed=seed) for seed, store in enumerate(stores)]
        for call in self.calls:
            first, second = (self.perform(loop, store, call) for loop, store in zip(loops, stores, strict=True))
            if first is not None:
                assert first.references.tobytes() == second.references.tobytes()
                assert first.times.tobytes() == second.times.tobytes()
                assert first.values.tobytes() == second.values.tobytes()


ScrapeMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, phases=[Phase.generate]
)
test_a_target = ScrapeMachine.TestCase


def test_every_state_is_reached():
    """The table leads to every state, and from the last to nothing."""
    reached = {ScrapeState.NEW} | {step.next for step in SCRAPE_TABLE.values()}
    assert reached == set(ScrapeState)
    assert not [state for state, _ in SCRAPE_TABLE if state is ScrapeState.ENDED]

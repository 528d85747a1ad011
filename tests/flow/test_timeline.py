"""The order of everything: time, then events before timers, then sequence."""

from hypothesis import given
from hypothesis import strategies as st

from obsflow.flow.timeline import Timeline


class Recorder:
    """A machine that writes down what happens to it, and fires timers at given times."""

    def __init__(self, name, timers, log):
        self.name, self.timers, self.log, self.decided = name, sorted(timers), log, []

    def receive(self, event, now):
        self.log.append((now, "event", self.name, event))
        if event == "decide":
            self.decided.append(event)
        if isinstance(event, tuple):  # asks for a timer
            self.timers = sorted([*self.timers, event[1]])

    def poll(self, now):
        due = [t for t in self.timers if t <= now]
        self.timers = [t for t in self.timers if t > now]
        decided, self.decided = self.decided, []
        return [(self.name, each) for each in (*decided, *due)]

    def next_timer(self):
        return self.timers[0] if self.timers else None


def run(timeline, log):
    while (now := timeline.next_timer()) is not None:
        timeline.poll(now, lambda effect, at: log.append((at, "timer", *effect)))


def test_events_before_timers_before_later_machines():
    """At one instant events come first, then the timers of the machines in the order in which they were added."""
    log = []
    timeline = Timeline()
    first, second = Recorder("first", [10], log), Recorder("second", [5, 10], log)
    timeline.add(first)
    timeline.add(second)
    timeline.schedule(second, "b", 10)
    timeline.schedule(first, "a", 10)
    run(timeline, log)

    assert log == [
        (5, "timer", "second", 5),
        (10, "event", "second", "b"),
        (10, "event", "first", "a"),
        (10, "timer", "first", 10),
        (10, "timer", "second", 10),
    ]


def test_a_machine_may_be_last():
    """Also after those that are added later."""
    log = []
    timeline = Timeline()
    timeline.add(Recorder("last", [10], log), is_last=True)
    timeline.add(Recorder("first", [10], log))
    timeline.add(Recorder("second", [10], log))
    run(timeline, log)

    assert log == [(10, "timer", name, 10) for name in ("first", "second", "last")]


def test_a_machine_that_is_removed_hears_no_more():
    """Its timers and events are gone; those of others stay, and it may be added again."""
    log = []
    timeline = Timeline()
    gone, other = Recorder("gone", [10, 30], log), Recorder("other", [20, 30], log)
    timeline.add(gone)
    timeline.add(other)
    timeline.schedule(gone, "lost", 5)
    timeline.schedule(other, "heard", 5)
    timeline.remove(gone)
    assert timeline.next_timer() == 5
    timeline.poll(20, lambda effect, at: log.append((at, "timer", *effect)))
    timeline.add(gone)
    run(timeline, log)

    assert log == [
        (20, "event", "other", "heard"),
        (20, "timer", "other", 20),
        (10, "timer", "gone", 10),
        (30, "timer", "other", 30),
        (30, "timer", "gone", 30),
    ]


def test_an_event_can_move_a_timer():
    """A timer that an event asks for fires at its time, also at the very instant of the event."""
    log = []
    timeline = Timeline()
    machine = Recorder("m", [100], log)
    timeline.add(machine)
    timeline.receive(machine, ("timer", 7), 7)
    timeline.receive(machine, ("timer", 3), 7)
    run(timeline, log)

    assert [entry for entry in log if entry[1] == "timer"] == [
        (3, "timer", "m", 3),
        (7, "timer", "m", 7),
        (100, "timer", "m", 100),
    ]


def test_what_an_event_decides_is_heard_at_once():
    """A machine without any timer is polled after the events of the instant at which it received one."""
    log = []
    timeline = Timeline()
    machine = Recorder("m", [], log)
    timeline.add(machine)
    timeline.schedule(machine, "decide", 5)
    timeline.schedule(machine, "b", 5)
    run(timeline, log)

    assert log == [(5, "event", "m", "decide"), (5, "event", "m", "b"), (5, "timer", "m", "decide")]


def test_a_late_poll_delivers_everything_that_is_due():
    """Whoever polls late gets it all at once, stamped with the time of the poll."""
    log = []
    timeline = Timeline()
    timeline.add(Recorder("m", [1, 2, 30], log))
    timeline.poll(20, lambda effect, at: log.append((at, *effect)))

    assert log == [(20, "m", 1), (20, "m", 2)]
    assert timeline.next_timer() == 30


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=12),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=12),
)
def test_order_is_total_and_replays(timers, events):
    """Nothing is lost, time never goes back, and the same inputs give the same log."""

    def play():
        log = []
        timeline = Timeline()
        machines = [Recorder(str(i), [t for m, t in timers if m == i], log) for i in range(3)]
        for machine in machines:
            timeline.add(machine)
        for number, (machine, at) in enumerate(events):
            timeline.schedule(machines[machine], number, at)
        run(timeline, log)
        return log

    log = play()
    assert log == play()
    assert [entry[0] for entry in log] == sorted(entry[0] for entry in log)
    assert len([e for e in log if e[1] == "event"]) == len(events)
    assert len([e for e in log if e[1] == "timer"]) == len(timers)
    for now in {entry[0] for entry in log}:
        kinds = [entry[1] for entry in log if entry[0] == now]
        assert kinds == sorted(kinds)

"""What is said of a look at a group: where its alerts were routed and why, what muted them, and what comes next."""

from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import (
    Alertmanager,
    Decision,
    Delivered,
    Grouped,
    Notify,
    ReceiveAlerts,
    SetSilence,
    Silence,
    parse_matchers,
)
from obsflow.flow.flushes import explain_flush, find_decision, render_flush, render_waiting
from obsflow.model.alerts import Alert
from obsflow.model.durations import render_duration
from obsflow.model.labels import Labels

CONFIG = load_alertmanager("""
route:
  receiver: rest
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 1m
  routes:
  - {receiver: web, matchers: [team=web]}
  - {receiver: db, matchers: [team=db], continue: true}
  - {receiver: all, matchers: [team=~".+"], routes: [{receiver: night, matchers: [hour=night]}]}
  - {receiver: never, matchers: [team=db]}
receivers:
- {name: rest}
- {name: web}
- {name: db, webhook_configs: [{url: "http://localhost:1/"}]}
- {name: all, webhook_configs: [{url: "http://localhost:1/"}]}
- {name: night}
- {name: never}
""")
DISK = Labels(alertname="Disk", team="db")
SLOW = Labels(alertname="Slow", team="db")
SILENCE = Silence("s", parse_matchers("alertname=Slow"), 0, 25_000)


def effects_of(until):
    """Two alerts, one of them silenced, and everything that is decided of them."""
    machine = Alertmanager(CONFIG, started_at=0, explains=True)
    machine.receive(SetSilence(SILENCE), 0)
    machine.receive(ReceiveAlerts((Alert(DISK), Alert(SLOW))), 0)
    effects = machine.poll(0)
    while (now := machine.next_timer()) is not None and now <= until:
        for effect in machine.poll(now):
            effects.append(effect)
            if isinstance(effect, Notify):
                machine.receive(Delivered(effect.delivery), now)
    return effects


def lines_of(decision):
    return list(render_flush(explain_flush(decision, CONFIG, (SILENCE,)), render_duration))


def test_a_notification_is_explained_from_its_route_to_what_comes_next():
    """Every route has its reason, the muted alert its cause and its end, and the next look its time."""
    effects = effects_of(until=1000)
    decisions = [each for each in effects if isinstance(each, Decision)]
    (notification,) = [
        each.notification for each in effects if isinstance(each, Notify) and each.notification.receiver == "db"
    ]
    decision = find_decision(notification, decisions)
    assert decision is not None
    assert explain_flush(decision, CONFIG).route == CONFIG.route.routes[1]
    assert lines_of(decision) == [
        "db (webhook) at 1s: first notification, 1 firing, 0 resolved",
        '    {alertname="Slow", team="db"} was silenced by s until 25s',
        '    {alertname="Disk", team="db"}, {alertname="Slow", team="db"}:',
        "        {} passes it down",
        '        {}/{team="web"} does not match: team="web", it has team="db"',
        '        {}/{team="db"} takes it, to db',
        '        {}/{team=~".+"} takes it, to all',
        '        {}/{team=~".+"}/{hour="night"} does not match: hour="night", it has no such label',
        '        {}/{team="db"} is not reached: a route before it takes the alert and does not continue',
        "    next look at 11s, told again without news 1m after this one at the earliest",
    ]


def test_a_look_that_says_nothing_says_when_it_would():
    """Nothing new: from when on the same is told again. When the silence ends there is news."""
    decisions = [each for each in effects_of(until=40_000) if isinstance(each, Decision) and each.receiver == "db"]
    assert [each.reason.value for each in decisions] == [
        "first notification",
        "nothing new",
        "nothing new",
        "new alerts added",
        "nothing new",
    ][: len(decisions)]
    first, *_, last = lines_of(decisions[1])
    assert first == "db (webhook) at 11s: nothing new, 1 firing, 0 resolved"
    assert last == "    next look at 21s, told again without news from 1m1s on"


def test_a_look_that_follows_no_route_any_more():
    """After the tree has changed there is no route to name, and the rest is said all the same."""
    other = load_alertmanager("{route: {receiver: a}, receivers: [{name: a}]}")
    decision = next(each for each in effects_of(until=1000) if isinstance(each, Decision))
    explanation = explain_flush(decision, other)
    assert explanation.route is None
    assert list(render_flush(explanation, render_duration))[-1] == "    next look at 11s"


def test_no_decision_of_another_look():
    """A notification is found by its look alone: another time is another look."""
    effects = effects_of(until=1000)
    notification = next(each.notification for each in effects if isinstance(each, Notify))
    later = [each for each in effects_of(until=40_000) if isinstance(each, Decision) and each.time > 1000]
    assert later
    assert find_decision(notification, later) is None


def test_an_alert_that_waits():
    """It says where it came to, when the group is looked at, and why then."""
    grouped = next(each for each in effects_of(until=0) if isinstance(each, Grouped))
    assert render_waiting(grouped, render_duration) == (
        '{alertname="Disk", team="db"} came to db at 0s, looked at 1s: group_wait, for others to come'
    )

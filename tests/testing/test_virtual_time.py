"""What the fixtures hand out: an engine, a timeline and a router in virtual time."""

import pytest

from obsflow.alertmanager import parse_compat
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels
from obsflow.testing.pytest_sources import make_router, make_timeline
from obsflow.testing.virtual_time import VirtualEngine

RULES = """
groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
  - record: ups
    expr: sum(up)
"""
ROUTES = """
route: {receiver: team, group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
receivers: [{name: team, webhook_configs: [{url: "http://x/"}]}]
"""
DOWN = 'up{job="a"} 1 0x10 1x30'


def test_engine():
    """Series in, answers out by labels; a scalar is a number."""
    engine = VirtualEngine()
    engine.load("1m", 'm{a="1"} 0+60x10', 'm{a="2"} 5x10')
    engine.load(30_000, "n 1x3")
    assert engine.query("rate(m[5m])", at="10m") == {'{a="1"}': 1.0, '{a="2"}': 0.0}
    assert engine.query("n", at=90_000) == {"n": 1.0}
    assert engine.query("1 + 1", at="0") == 2.0


@pytest.mark.parametrize("line", ["m{", "m x", 'm{a="1", a="2"} 1'])
def test_what_is_no_series(line):
    """It is said at once."""
    with pytest.raises(ValueError, match=r"not a|there twice"):
        VirtualEngine().load("1m", line)


def test_timeline(tmp_path):
    """Time moves when it is told to; what was decided on the way comes back."""
    timeline = make_timeline(tmp_path, RULES, ROUTES, {})
    timeline.load("1m", DOWN)
    assert timeline.advance("2m") == timeline.transitions
    assert (timeline.alerts("pending"), timeline.alerts()) == ([Labels(alertname="Down", job="a")], [])
    timeline.advance("1m")
    assert (timeline.alerts(), timeline.query("ups"), timeline.now) == (
        timeline.alerts("firing"),
        {"ups": 0.0},
        180_000,
    )
    assert [each.time for each in timeline.notifications] == []
    timeline.advance("20m")
    assert [(each.time, each.reason.value) for each in timeline.notifications] == [
        (210_000, "first notification"),
        (810_000, "all alerts resolved"),
    ]


def test_timeline_without_routes(tmp_path):
    """Rules alone will do, from a file too; no sample is there before its time."""
    (tmp_path / "rules.yml").write_text(RULES.replace("sum(up)", "up offset -1m"), encoding="utf-8")
    timeline = make_timeline(tmp_path, "rules.yml", None, {"evaluation_interval": "30s"})
    timeline.load("1m", "up 0+1x20")
    timeline.advance("10m")
    assert timeline.query("ups") == {"ups": 10.0}
    assert timeline.notifications == []


def test_router(tmp_path):
    """An alert fires until it is resolved, whatever the resolve timeout."""
    router = make_router(tmp_path, ROUTES, "obsflow")
    router.fire({"alertname": "X"}, {"summary": "s"})
    assert router.advance("29s") == []
    (first,) = router.advance("1s")
    assert (first.receiver, first.time, dict(first.alerts[0].annotations)) == ("team", 30_000, {"summary": "s"})
    assert [each.reason.value for each in router.advance("1h5m")] == ["repeat interval elapsed"]
    router.resolve({"alertname": "X"})
    (last,) = router.advance("10m")
    assert last.status.value == "resolved"
    assert router.notifications[0] == first


def test_router_silences(tmp_path):
    """A silence begins now; an alert as it is may be sent too."""
    router = make_router(tmp_path, ROUTES, "alertmanager")
    router.silence('alertname="X"', "5m")
    router.send(Alert(Labels(alertname="X"), starts_at=0), Alert(Labels(alertname="Y"), starts_at=0))
    (notification,) = router.advance("1m")
    assert [alert.labels["alertname"] for alert in notification.alerts] == ["Y"]
    assert router.router.compat == parse_compat("alertmanager")

"""The loop by a clock is the loop in virtual time."""

import obsflow
from obsflow.adapters.live import run_live
from obsflow.notify import FailureClass, Outcome, Renderer

RULES = """
groups:
- name: g
  interval: 15s
  rules:
  - {alert: Down, expr: up == 0, for: 30s, labels: {severity: page}}
"""
ROUTES = """
route: {receiver: r, group_wait: 10s, group_interval: 1m, repeat_interval: 3m}
receivers: [{name: r, webhook_configs: [{url: "http://127.0.0.1:1/x"}]}]
"""
END = 900_000


class Clock:
    """A clock that moves when somebody waits for it."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now

    def wait(self, duration_ms):
        assert 0 < duration_ms <= 1_000
        self.now += duration_ms


def new_flow(routes=ROUTES):
    store = obsflow.TSDB()
    for t in range(0, END, 15_000):
        store.append({"__name__": "up", "i": "a"}, t, float(not 60_000 <= t < 500_000))
    routes = obsflow.load_alertmanager(routes)
    return obsflow.Flow.over(store, [obsflow.load_rules(RULES, "f")], routes, start=0), routes


def play_live(send, routes=ROUTES):
    flow, routes = new_flow(routes)
    clock, seen = Clock(), []
    run_live(
        flow,
        routes,
        Renderer(external_url="http://am"),
        send,
        observe=lambda now, effect: seen.append((now, effect)),
        should_stop=lambda now: now > END,
        clock=clock,
        wait=clock.wait,
    )
    return seen


def play_virtual():
    flow, _ = new_flow()
    seen = []
    for now, effect in flow.run(END):
        seen.append((now, effect))
        if isinstance(effect, obsflow.Notify):
            flow.receive(obsflow.Delivered(effect.delivery), now)
    return seen


def test_live_equals_virtual():
    """The same machines on the same data decide the same, at the same times."""
    sent = []

    def send(step):
        sent.append(step.request.url)
        return Outcome()

    live = play_live(send)

    assert live == play_virtual()
    assert sent == ["http://127.0.0.1:1/x"] * len(sent)
    reasons = [effect.notification.reason.value for _, effect in live if isinstance(effect, obsflow.Notify)]
    assert reasons == [
        "first notification",
        "repeat interval elapsed",
        "repeat interval elapsed",
        "all alerts resolved",
    ]


def test_a_failed_delivery_is_tried_again():
    """A receiver that fails for a while gets the notification once it answers."""
    answers = iter([Outcome(retry=True, reason="down", failure=FailureClass.SERVER_ERROR)] * 3)
    seen = play_live(lambda _step: next(answers, Outcome()))
    attempts = [(now, effect.attempt) for now, effect in seen if isinstance(effect, obsflow.Notify)]

    first = attempts[0][0]
    assert attempts[:4] == [(first, 1), (first + 500, 2), (first + 1_250, 3), (first + 2_375, 4)]
    assert all(attempt == 1 for _, attempt in attempts[4:])


def test_a_receiver_says_when_to_try_again():
    """Not before that, and not before the usual wait either."""
    answers = iter(
        Outcome(retry=True, reason="later", failure=FailureClass.RATE_LIMITED, retry_after_ms=wait_ms)
        for wait_ms in (7_000, 100)
    )
    seen = play_live(lambda _step: next(answers, Outcome()))
    first, second, third = [now for now, effect in seen if isinstance(effect, obsflow.Notify)][:3]
    assert (second - first, third - second) == (7_000, 750)


def test_a_delivery_may_take_several_requests():
    """Each answer leads to the next request, and the last one says what came of it."""
    routes = ROUTES.replace("webhook_configs", "wechat_configs").replace(
        '{url: "http://127.0.0.1:1/x"}', "{api_url: 'http://w/', api_secret: s, corp_id: c, agent_id: '1', to_user: u}"
    )
    sent = []

    def send(step):
        sent.append(step.request.url.partition("?")[0])
        return step.read(200, '{"access_token": "t"}' if "gettoken" in step.request.url else '{"errcode": 0}')

    seen = play_live(send, routes)

    assert sent[:2] == ["http://w/gettoken", "http://w/message/send"]
    assert len(sent) == 2 * sum(isinstance(effect, obsflow.Notify) for _, effect in seen)
    assert all(effect.attempt == 1 for _, effect in seen if isinstance(effect, obsflow.Notify))


def test_a_message_of_slack_is_changed():
    """What the first answer said is known to the deliveries that follow, and forgotten when the group begins anew."""
    routes = ROUTES.replace(
        'webhook_configs: [{url: "http://127.0.0.1:1/x"}]',
        "slack_configs: [{app_token: t, update_message: true, send_resolved: true}]",
    )
    sent = []

    def send(step):
        sent.append((step.request.url.rpartition(".")[2], '"ts":"7.1"' in step.request.body))
        return step.read(200, '{"ok":true,"ts":"7.1","channel":"C1"}', {"Content-Type": "application/json"})

    play_live(send, routes)
    assert sent == [("postMessage", False), ("update", True), ("update", True), ("update", True)]


def test_a_template_that_fails_does_not_end_the_loop():
    """The delivery is given up, and the group's next one comes in its time."""
    routes = ROUTES.replace('url: "http://127.0.0.1:1/x"', 'url: "http://127.0.0.1:1/{{ .Nope }}"')
    seen = play_live(lambda _step: Outcome(), routes)
    attempts = [effect.attempt for _, effect in seen if isinstance(effect, obsflow.Notify)]
    assert len(attempts) > 1
    assert set(attempts) == {1}

"""Another configuration while incidents are open."""

import attrs
import pytest

from obsflow.errors import NotFoundError
from obsflow.incident import (
    Acknowledge,
    Incidents,
    IncidentState,
    Page,
    PageCause,
    Reassign,
    Reload,
    Reloaded,
    Reminder,
    SourceResolve,
)
from tests.incident.samples import CONFIG, HOUR, MINUTE, load, machine, of_kind, pages, run, trigger


def test_the_same_configuration_changes_nothing():
    """At any instant of an incident's life, also that in which something is due."""
    for minute in range(20):
        plain, reloaded = machine(), machine()
        for each in (plain, reloaded):
            each.receive(trigger(), 0)
        assert run(plain, minute * MINUTE) == run(reloaded, minute * MINUTE)
        before = reloaded.snapshot()
        reloaded.receive(Reload(load()), minute * MINUTE)
        assert reloaded.poll(minute * MINUTE) == [Reloaded(minute * MINUTE)]
        assert attrs.asdict(reloaded.snapshot(), recurse=False) == attrs.asdict(before, recurse=False)
        assert run(plain, HOUR) == run(reloaded, HOUR)


def test_incidents_of_a_service_that_is_gone_go_on():
    """By what the service was; their source can still end them, and opens no other."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    incidents.receive(Reload(load(CONFIG.replace("name: pager,", "name: other,"))), MINUTE)
    assert pages(run(incidents, 5 * MINUTE))[-1] == (5 * MINUTE, "bob", "push")

    incidents.receive(SourceResolve("pager", "k"), 6 * MINUTE)
    assert incidents.incident(1).state is IncidentState.RESOLVED
    with pytest.raises(NotFoundError):
        incidents.receive(trigger(), 7 * MINUTE)
    incidents.receive(Reload(load()), 8 * MINUTE)
    incidents.receive(trigger(), 9 * MINUTE)
    assert len(incidents.incidents) == 2


@pytest.mark.parametrize(
    ("text", "place", "who"),
    [
        # The policy of hers is gone: that of the service, from its first level.
        (CONFIG.replace("name: managers", "name: bosses").replace("then: managers", "then: bosses"), "backend", "ada"),
        (
            CONFIG.replace("[{user: eve}]}]\n- name: office", "[{user: eve}, {user: bob}]}]\n- name: office"),
            "managers",
            "",
        ),
        (CONFIG.replace("[{user: eve}]}]\n- name: office", "[{user: bob}]}]\n- name: office"), "managers", "bob"),
    ],
)
def test_what_somebody_chose_stays_while_it_is_there(text, place, who):
    """An incident that was reassigned follows the policy that it was given."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    incidents.receive(Reassign(1, "ada", policy="managers"), 0)
    incidents.poll(0)
    incidents.receive(Reload(load(text)), MINUTE)

    assert incidents.incident(1).position.policy.name == place
    assert [user for _, user, _ in pages(incidents.poll(MINUTE))] == ([who] if who else [])


def test_users_whom_somebody_chose_and_who_are_gone():
    """Who is left stays assigned; if nobody is, the policy of the service is asked."""
    incidents = machine()
    for number, users in enumerate((("ada", "eve"), ("eve",)), 1):
        incidents.receive(trigger(key=str(number)), 0)
        incidents.receive(Reassign(number, "ada", users=users), 0)
    incidents.poll(0)
    incidents.receive(Reload(load(CONFIG.replace(" eve", " zoe"))), MINUTE)
    first, second = (incidents.incident(number).position for number in (1, 2))

    assert [target.name for target in first.targets] == ["ada"]
    assert second.policy.name == "backend"
    assert [(each.incident, each.reason.cause) for each in of_kind(incidents.poll(MINUTE), Page)] == [
        (2, PageCause.POLICY_CHANGED)
    ]


def test_a_snapshot_has_its_configuration():
    """A machine that goes on from it goes on by that; the new one is then told."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    twin = Incidents(load(CONFIG.replace("escalate_after: 5m", "escalate_after: 1m")))
    newer = twin.config
    twin.restore(incidents.snapshot())
    assert twin.next_timer() == 2 * MINUTE
    twin.receive(Reload(newer), 0)
    assert twin.next_timer() == MINUTE


@pytest.mark.parametrize(
    ("service", "at"),
    [
        ("acknowledge_timeout: 10m, auto_resolve: 4h", 10),
        ("acknowledge_timeout: null, auto_resolves_acknowledged: true, auto_resolve: 1h", 60),
        ("acknowledge_timeout: null, acknowledge_reminder: 4m", 16),
        ("acknowledge_timeout: null", None),
    ],
)
def test_times_of_an_acknowledgement_count_from_when_it_was_given(service, at):
    """Whatever the configuration now says of them."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    incidents.receive(Acknowledge(1, "ada"), 0)
    incidents.receive(Reload(load(CONFIG.replace("acknowledge_timeout: 30m, auto_resolve: 4h", service))), 5 * MINUTE)
    run(incidents, 9 * MINUTE)
    if at == 16:
        run(incidents, 12 * MINUTE)

    assert incidents.next_timer() == (None if at is None else at * MINUTE)


def test_fewer_rounds():
    """What is over one round too many is in the last, and ends with it."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    run(incidents, 16 * MINUTE)
    assert incidents.incident(1).position.loop == 1
    incidents.receive(Reload(load(CONFIG.replace("repeat: 1\n  then: managers", "repeat: 0"))), 16 * MINUTE)
    assert incidents.incident(1).position.loop == 0

    assert [user for _, user, _ in pages(run(incidents, HOUR))] == ["ada", "bob"]  # the call that was due, and level 2


def test_a_service_with_another_policy_leaves_what_somebody_chose():
    """Only incidents that follow the service follow it there; of those, who is silent stays so until it wakes up."""
    incidents = machine()
    for number in (1, 2):
        incidents.receive(trigger(key=str(number)), 0)
    incidents.receive(Reassign(1, "ada", users=("bob",)), 0)
    incidents.receive(Acknowledge(2, "ada"), 0)
    incidents.poll(0)
    incidents.receive(Reload(load(CONFIG.replace("policy: backend,", "policy: managers,"))), MINUTE)
    assert pages(incidents.poll(MINUTE)) == []
    assert incidents.incident(1).position.policy.name == ""

    assert pages(run(incidents, 30 * MINUTE)) == [(30 * MINUTE, "eve", "push")]


def test_a_level_that_keeps_one_of_its_targets_is_the_same():
    """Who is added to it is not paged for what is going on already."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    incidents.poll(0)
    incidents.receive(
        Reload(load(CONFIG.replace("[{user: ada}, {channel", "[{user: eve}, {user: ada}, {channel"))), MINUTE
    )

    assert pages(run(incidents, 5 * MINUTE)) == [(2 * MINUTE, "ada", "phone"), (5 * MINUTE, "bob", "push")]


def test_a_reminder_that_is_due_is_given():
    """Also if the configuration is told again in the same instant."""
    text = CONFIG.replace("acknowledge_timeout: 30m", "acknowledge_timeout: 30m, acknowledge_reminder: 10m")
    incidents = machine(text)
    incidents.receive(trigger(), 0)
    incidents.receive(Acknowledge(1, "ada"), 0)
    run(incidents, 10 * MINUTE - 1)
    incidents.receive(Reload(load(text)), 10 * MINUTE)

    assert of_kind(incidents.poll(10 * MINUTE), Reminder) == [Reminder(10 * MINUTE, 1, "ada", 10 * MINUTE)]


def test_who_acknowledged_gets_no_pages_of_new_rules():
    """Others of the level, who have not, do."""
    text = CONFIG.replace("[{user: ada}, {channel:", "[{user: ada}, {user: eve}, {channel:")
    text = text.replace("escalate_after: 5m}", "escalate_after: 5m, acknowledgements: all}")
    rules = "contact_methods: [{name: app, kind: push}], notification_rules: [{method: app}, {method: app, after: 3m}]}"
    newer = text.replace("{name: eve, contact_methods: [{name: app, kind: push}]}", "{name: eve, " + rules)
    incidents = machine(text)
    incidents.receive(trigger(), 0)
    incidents.receive(Acknowledge(1, "ada"), 0)
    incidents.poll(0)
    newer = newer.replace("{method: mobile, after: 2m}", "{method: mobile, after: 4m}")
    incidents.receive(Reload(load(newer)), MINUTE)

    assert pages(run(incidents, 5 * MINUTE - 1)) == [(3 * MINUTE, "eve", "push")]


def test_at_one_instant_an_incident_ends_before_it_escalates():
    """Also where the time after which it ends was configured later."""
    incidents = machine(CONFIG.replace("auto_resolve: 4h, ", ""))
    incidents.receive(trigger(), 0)
    run(incidents, MINUTE)
    incidents.receive(Reload(load(CONFIG.replace("auto_resolve: 4h", "auto_resolve: 5m"))), MINUTE)

    assert pages(run(incidents, HOUR)) == [(2 * MINUTE, "ada", "phone")]

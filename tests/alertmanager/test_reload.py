"""What a reload does to deliveries: none that waits is tried again, and one that is under way counts if it arrives."""

from obsflow.alertmanager import (
    Alertmanager,
    Delivered,
    DeliveryAbandoned,
    DeliveryFailed,
    Notify,
    ReceiveAlerts,
    Reload,
)
from tests.alertmanager.loop import alert, load, one_route, told

CONFIG = load(one_route("1s", "1m", "1h"))


def begun():
    """A machine with its first delivery under way, and that."""
    machine = Alertmanager(CONFIG, started_at=0)
    machine.receive(ReceiveAlerts((alert("a", 0, 1000),)), 0)
    (notify,) = machine.poll(1000)
    return machine, notify


def test_a_delivery_that_waits_is_given_up():
    """The group that is made anew asks for it at once, and there is no other attempt."""
    machine, first = begun()
    machine.receive(DeliveryFailed(first.delivery, can_retry=True, error="503"), 1000)
    assert machine.next_timer() == 1500
    machine.receive(Reload(CONFIG), 1200)
    abandoned, again = machine.poll(1200)
    assert abandoned == DeliveryAbandoned(first.notification, first.delivery, 1, "a reload ended the retries")
    assert (told(again.notification), again.attempt) == ("1.2 a(0)", 1)
    machine.receive(Delivered(again.delivery), 1200)
    assert machine.poll(60_000) == []


def test_a_delivery_that_fails_after_a_reload_is_not_tried_again():
    """Its group is no more."""
    machine, first = begun()
    machine.receive(Reload(CONFIG), 1100)
    (again,) = machine.poll(1100)
    machine.receive(DeliveryFailed(first.delivery, can_retry=True, error="503"), 1200)
    assert machine.poll(1200) == [DeliveryAbandoned(first.notification, first.delivery, 1, "503")]
    machine.receive(DeliveryFailed(again.delivery, can_retry=True, error="503"), 1300)
    assert [each.attempt for each in machine.poll(1800) if isinstance(each, Notify)] == [2]


def test_a_delivery_that_arrives_after_a_reload_counts():
    """The group that was made anew could not know of it; nothing is said a third time."""
    machine, first = begun()
    machine.receive(Reload(CONFIG), 1100)
    (again,) = machine.poll(1100)
    for each in (first, again):
        machine.receive(Delivered(each.delivery), 1200)
    assert machine.poll(900_000) == []

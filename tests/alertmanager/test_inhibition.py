"""Which firing alert mutes which other, and through which rule."""

import attrs
import pytest

from obsflow.alertmanager import InhibitRule, parse_matchers
from obsflow.alertmanager.alerts import complete
from obsflow.alertmanager.inhibition import Inhibitor
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels

NOW = 1000


def rule(source, target, *equal):
    return InhibitRule("", parse_matchers(source), parse_matchers(target), equal)


def known(ends_at=2000, **labels):
    return complete(Alert(Labels(labels), EMPTY, 0, ends_at), NOW, 0)


def inhibitor(rules, alerts, **options):
    built = Inhibitor(rules, **options)
    for each in alerts:
        built.add(each)
    return built


SOURCES = (known(s1="1", t1="2", e="1"), known(s2="1", t2="1", e="1"))
TARGETS = [
    {"t1": "1", "e": "1"},
    {"t2": "1", "e": "1"},
    {"t1": "1", "t3": "1", "e": "1"},
    {"t1": "1", "t2": "1", "e": "1"},
    {"t1": "0", "e": "1"},
    {"s1": "1", "t1": "1", "e": "1"},
    {"s2": "1", "t2": "1", "e": "1"},
    {"t1": "1", "e": "0"},
]


@pytest.mark.parametrize(
    ("first_target", "expected"),
    [
        ("t1=1", [True, True, True, True, False, True, False, False]),
        ("t1!=1", [False, True, False, True, True, False, True, False]),
    ],
)
def test_rules_match(first_target, expected):
    """Target and source must match and agree; an alert that is both is not muted by one that is both."""
    rules = (rule("s1=1", first_target, "e"), rule("s2=1", "t2=1", "e"))
    machine = inhibitor(rules, SOURCES)
    assert [machine.find_source(Labels(target), NOW) is not None for target in TARGETS] == expected


@pytest.mark.parametrize(
    ("sources", "target", "expected"),
    [
        ((), {"a": "b"}, False),
        ((known(s="1", b="c"),), {"a": "b"}, True),  # `equal` is empty below: any source
        ((known(1000, s="1", x="1"), known(500, s="1", x="2")), {}, False),
    ],
)
def test_without_equal_labels_any_firing_source_mutes(sources, target, expected):
    """A source that has resolved, at the instant itself too, mutes nothing."""
    machine = inhibitor((rule("s=1", "t=1"),), sources)
    assert (machine.find_source(Labels({"t": "1", **target}), NOW) is not None) is expected


def test_labels_that_both_lack_are_equal():
    """A missing label is the empty string on both sides."""
    machine = inhibitor((rule("s=1", "t=1", "zone"),), (known(s="1"),))
    assert machine.find_source(Labels(t="1"), NOW) == (0, Labels(s="1"))
    assert machine.find_source(Labels(t="1", zone="a"), NOW) is None


FIRING, RESOLVED = known(s="1", a="b", n="1"), known(500, s="1", a="b", n="2")


@pytest.mark.parametrize("order", [(FIRING, RESOLVED), (RESOLVED, FIRING)])
def test_one_of_two_sources_is_enough(order):
    """In either order of arrival, and after the other one was forgotten."""
    machine = inhibitor((rule("s=1", "t=1", "a"),), order)
    assert machine.find_source(Labels(t="1", a="b"), NOW) == (0, FIRING.labels)
    machine.remove(RESOLVED.labels)
    assert machine.find_source(Labels(t="1", a="b"), NOW) == (0, FIRING.labels)
    machine.remove(FIRING.labels)
    assert machine.find_source(Labels(t="1", a="b"), NOW) is None


def test_a_two_sided_source_does_not_hide_a_one_sided_one():
    """Only the latter counts for an alert that is both; Alertmanager remembers one source and may miss it."""
    both, one = known(3000, s="1", t="1", n="both"), known(2000, s="1", n="one")
    target = Labels(s="1", t="1", n="target")
    rules = (rule("s=1", "t=1"),)
    assert inhibitor(rules, (both, one)).find_source(target, NOW) == (0, one.labels)
    assert inhibitor(rules, (both, one), keeps_one_source=True).find_source(target, NOW) is None


def test_one_remembered_source_may_end_before_another():
    """That is how Alertmanager loses an inhibition; here every source is remembered."""
    rules, target = (rule("s=1", "t=1"),), Labels(t="1")
    longer, shorter = known(3000, s="1", n="longer"), known(2000, s="1", n="shorter")
    ended = attrs.evolve(longer, ends_at=NOW)
    assert inhibitor(rules, (longer, shorter, ended)).find_source(target, NOW) == (0, shorter.labels)
    assert inhibitor(rules, (longer, shorter, ended), keeps_one_source=True).find_source(target, NOW) is None
    assert inhibitor(rules, (shorter, longer), keeps_one_source=True).find_source(target, NOW) == (0, longer.labels)


def test_an_alert_does_not_mute_itself():
    """Nor do two alerts that match both sides mute each other."""
    machine = inhibitor((rule("a=~.+", "a=~.+"),), (known(a="1"), known(a="2")))
    assert machine.find_source(Labels(a="1"), NOW) is None


def test_a_copy_goes_its_own_way():
    """What is forgotten by one is known to the other."""
    machine = inhibitor((rule("s=1", "t=1"),), (FIRING,))
    machine.copy().remove(FIRING.labels)
    assert machine.find_source(Labels(t="1"), NOW) == (0, FIRING.labels)

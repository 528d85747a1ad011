"""Silences: state, change, end, and their JSON."""

import json

import attrs
import pytest

from obsflow.alertmanager import Silence, parse_matchers, parse_silences
from obsflow.alertmanager.limits import silence_size
from obsflow.alertmanager.silences import Silences, can_update
from obsflow.errors import ConfigError, NotFoundError, StateError
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.times import parse_time
from tests.external import shared

M, H = 60_000, 3_600_000
NOW = 1_000 * H


def silence(start, end, text="a=b", id_="1"):
    return Silence(id_, parse_matchers(text), NOW + start, NOW + end)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((-2 * H, -H), (0, H), False),
        ((H, 2 * H), (-M, H), False),
        ((H, 2 * H), (M, M), True),
        ((H, 2 * H), (0, 2 * H), True),
        ((-H, 2 * H), (-M, 2 * H), False),
        ((-H, 2 * H), (-H, -1000), False),
        ((-H, 2 * H), (-H, 0), True),
        ((-H, 2 * H), (-H, 3 * H), True),
        ((-H, 2 * H), (-H + 400, 3 * H), True),
    ],
)
def test_what_changes_in_place(old, new, expected):
    """What has begun keeps its start, what has not begins no earlier than now, what has ended is done."""
    assert can_update(silence(*old), silence(*new), NOW) is expected


def test_other_matchers_make_another_silence():
    """The id says which alerts are muted."""
    assert not can_update(silence(-H, H), silence(-H, H, "a=c"), NOW)


def test_a_silence_through_its_life():
    """Set, commented, extended, replaced by another, and refused without loss."""
    silences = Silences()
    first = silences.set(silence(2 * M, 5 * M, id_="first"), "", NOW)
    assert first.starts_at == NOW + 2 * M
    second = silences.set(attrs.evolve(silence(0, H, id_="second"), starts_at=0), "", NOW + M)
    assert second.starts_at == NOW + M
    same = silences.set(attrs.evolve(second, comment="why"), "", NOW + M)
    assert (same.id, same.comment) == ("second", "why")
    longer = silences.set(attrs.evolve(same, ends_at=NOW + 100 * M), "", NOW + 2 * M)
    assert (longer.id, longer.ends_at, longer.updated_at) == ("second", NOW + 100 * M, NOW + 2 * M)
    changed = attrs.evolve(longer, matchers=parse_matchers("x=y"))
    with pytest.raises(StateError, match="cannot be changed in place"):
        silences.set(changed, "", NOW + 3 * M)
    assert silences.get("second") == longer
    third = silences.set(changed, "third", NOW + 3 * M)
    assert (third.id, third.starts_at) == ("third", NOW + 3 * M)
    assert silences.get("second").ends_at == NOW + 3 * M
    with pytest.raises(StateError, match="end time can't be in the past"):
        silences.set(silence(0, M, id_="late"), "", NOW + H)
    assert [each.id for each in silences] == ["first", "second", "third"]


def test_silences_that_ended_are_forgotten_after_five_days():
    """Until then they can be looked up."""
    silences = Silences((silence(-H, 0, id_="ended"), silence(-H, H, id_="later")))
    silences.collect(NOW + 120 * H - 1)
    assert [each.id for each in silences] == ["ended", "later"]
    silences.collect(NOW + 120 * H)
    assert [each.id for each in silences] == ["later"]
    assert silences.muting(Labels(a="b"), NOW) == ("later",)


def test_expiring():
    """An active one ends now, a pending one never begins, an ended one stays, an unknown one is an error."""
    silences = Silences((silence(-H, H, id_="active"), silence(H, 2 * H, id_="pending"), silence(-H, -M, id_="ended")))
    assert silences.expire("active", NOW).ends_at == NOW
    pending = silences.expire("pending", NOW)
    assert (pending.starts_at, pending.ends_at) == (NOW, NOW)
    assert silences.expire("ended", NOW) == silence(-H, -M, id_="ended")
    with pytest.raises(NotFoundError):
        silences.expire("nobody", NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("job=test", True),
        ("job!=test,method=GET", False),
        ("job=test,method=POST", False),
        ("job=test,method!=POST", True),
        ("path=~/user/.+", True),
        ("path!~/user/.+,method=GET", False),
        ("path=~/user/.+,path=~/nothing/.+", False),
        ("job=test,absent=", True),
    ],
)
def test_matchers(text, expected):
    """Every matcher must pass; a label that is absent is empty."""
    labels = Labels(job="test", instance="web-1", path="/user/profile", method="GET")
    assert silence(-H, H, text).mutes(labels, NOW) is expected
    assert Silences((silence(-H, H, text),)).muting(labels, NOW) == (("1",) if expected else ())


def test_the_silence_that_mutes_changes_with_time():
    """Start and end are inclusive, and one silence takes over from another."""
    labels = Labels(foo="bar")
    silences = Silences((silence(-H, 5 * M, "foo=bar", "a"), silence(5 * M, H, "foo=~b..", "b")))
    assert [silences.muting(labels, NOW + t) for t in (-H - 1, -H, 5 * M, 5 * M + 1, H, H + 1)] == [
        (), ("a",), ("a", "b"), ("b",), ("b",), (),
    ]  # fmt: skip
    assert silences.muting(Labels(foo="baz"), NOW) == ()
    silences.set(silence(0, H, "foo=~b.*", "c"), "", NOW)
    assert silences.muting(labels, NOW) == ("a", "c")


def test_a_silence_asks_for_labels_with_a_name():
    """There are no others."""
    with pytest.raises(ValueError, match='invalid silence: invalid label matcher 0 in set 0: invalid label name ""'):
        Silence("1", (Matcher("", MatchOp.EQUAL, "x"),), 1, 2)


@pytest.mark.parametrize(
    ("text", "start", "end", "message"),
    [
        ("{}", 1, 2, "matcher set 0 is empty: at least one matcher required"),
        ("a=~.*", 1, 2, "matcher set 0: at least one matcher must not match the empty string"),
        ("a=b", 2, 1, "end time must not be before start time"),
        ("a=b", 0, 0, "invalid zero end timestamp"),
    ],
)
def test_what_is_no_silence(text, start, end, message):
    """A silence that would mute everything, or nothing ever, is refused."""
    with pytest.raises(ValueError, match="invalid silence: " + message):
        Silence("1", parse_matchers(text), start, end)


SETS = {
    "the first passes": ("method!=GET", ("method=~GET|POST,job=test",), True),
    "the only one of the first passes": ("method=GET", ("method=POST",), True),
    "none passes": ("method!=GET", ("method=~GET|POST,job!=test",), False),
    "the last passes": ("a=b", ("c=d", "job=test"), True),
}


@pytest.mark.parametrize("name", SETS)
def test_sets_of_matchers(name):
    """One set that an alert passes is enough; the id is named once."""
    first, others, expected = SETS[name]
    labels = Labels(job="test", method="GET")
    mute = attrs.evolve(silence(-H, H, first), alternatives=tuple(map(parse_matchers, others)))
    assert mute.mutes(labels, NOW) is expected
    silences = Silences((mute,))
    assert silences.muting(labels, NOW) == (("1",) if expected else ())
    assert silences.copy().muting(labels, NOW) == silences.muting(labels, NOW)


def test_a_silence_of_several_sets_through_its_life():
    """Another set makes another silence, each set is checked, found by and forgotten with the silence."""
    both = attrs.evolve(silence(-H, H, "a=b"), alternatives=(parse_matchers("c=d"),))
    silences = Silences((both,))
    assert not can_update(both, attrs.evolve(both, alternatives=()), NOW)
    assert silences.find(NOW, having=parse_matchers("c=d")) == [both]
    assert silences.find(NOW, having=parse_matchers("a=b,c=d")) == []
    assert silences.muting(Labels(a="b", c="d"), NOW) == ("1",)
    other = attrs.evolve(both, starts_at=NOW, alternatives=(parse_matchers("e=f"),))
    silences.set(other, "2", NOW)
    assert [silences.muting(Labels([pair]), NOW + 1) for pair in (("a", "b"), ("c", "d"), ("e", "f"))] == [
        ("2",), (), ("2",),
    ]  # fmt: skip
    silences.collect(NOW + 130 * H)
    assert silences.muting(Labels(e="f"), NOW + 1) == ()
    with pytest.raises(ValueError, match="matcher set 1 is empty"):
        attrs.evolve(both, alternatives=((),))
    assert silence_size(both, 0) > silence_size(attrs.evolve(both, alternatives=()), 0) + 5


def test_the_old_server_takes_classic_names_only():
    """In the words of the new one, and nothing changes."""
    silences = Silences((), classic_names=True)
    text = 'invalid silence: invalid label matcher 1 in set 0: invalid label name "fooΣ"'
    with pytest.raises(StateError, match=text):
        silences.set(Silence("1", parse_matchers("a=b,fooΣ=bar"), NOW, NOW + H), "", NOW)
    assert list(silences) == []


def test_annotations_change_in_place():
    """They say nothing of what is muted."""
    silences = Silences((silence(-H, H),))
    changed = attrs.evolve(silence(-H, H), annotations={"ticket": "1"})
    assert silences.set(changed, "", NOW) == attrs.evolve(changed, updated_at=NOW)
    assert [each.annotations for each in silences] == [{"ticket": "1"}]


def test_a_silence_of_everything_else():
    """Matchers that ask for a difference make a silence, though an absent label passes them."""
    mute = Silence("1", parse_matchers("{a!=b,c!~d}"), NOW, NOW + H)
    assert mute.mutes(Labels(a="x"), NOW)
    assert not mute.mutes(Labels(a="b"), NOW)


ENTRY = {
    "id": "1",
    "status": {"state": "active"},
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2026-01-01T01:00:00.500Z",
    "updatedAt": "2026-01-01T00:00:00Z",
    "createdBy": "me",
    "comment": "why",
    "matchers": [
        {"name": "a", "value": "b.*", "isRegex": True, "isEqual": False},
        {"name": "c", "value": "d", "isRegex": False},
    ],
}


def test_json():
    """The JSON of the API: matchers by flags, times in RFC 3339."""
    (silence,) = parse_silences(json.dumps([ENTRY]), "silences.json")
    assert [str(each) for each in silence.matchers] == ['a!~"b.*"', 'c="d"']
    assert silence.ends_at - silence.starts_at == 3_600_500
    assert (silence.created_by, silence.comment) == ("me", "why")
    assert parse_silences("[]", "x") == parse_silences("", "x") == parse_silences("null", "x") == ()


def test_every_mistake_in_json_is_told():
    """A silence without matchers, one with a bad pattern and one without an end are three problems."""
    bad = {"name": "a", "value": "(", "isRegex": True}
    text = json.dumps(
        [{**ENTRY, "matchers": []}, {**ENTRY, "matchers": [bad]}, {k: v for k, v in ENTRY.items() if k != "endsAt"}],
        indent=1,
    )
    with pytest.raises(ConfigError) as caught:
        parse_silences(text, "silences.json")
    told = [(each.path, each.message) for each in caught.value.problems]
    assert told[0] == ("[0]", "invalid silence: matcher set 0 is empty: at least one matcher required")
    assert told[1][0].startswith("[1]")
    assert told[2] == ("[2]", '"endsAt" is required')
    assert all(each.line for each in caught.value.problems)


def test_recorded_silences():
    """What a real server answered is read: one pattern, one of two labels."""
    text = shared("captures", "payment-incidents", "silences.json").read_text()
    first, second = parse_silences(text, "silences.json")
    assert [str(each) for each in first.matchers] == ['alertname=~"HighErrorRate.*"']
    assert len(second.matchers) == 2
    assert first.ends_at == first.updated_at == parse_time("2026-11-23T05:42:54.896Z")

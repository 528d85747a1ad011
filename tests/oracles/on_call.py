"""Who is on call, minute by minute, with a clock on the wall that is only ever read."""

import calendar
import datetime

MINUTE = 60_000
LOOK_BACK = 26 * 60  # minutes: longer than any clock is ever set back


def shown(at, zone):
    """What the clock shows at an instant in ms."""
    return datetime.datetime.fromtimestamp(at // 1000, zone).replace(tzinfo=None)


def minutes_of_week(windows):
    """The minutes since Monday 00:00 that windows cover; each is days, a start and an end in minutes of the day."""
    found = set()
    for days, start, end in windows:
        for day in days:
            minute = start
            while True:
                found.add((day * 1440 + minute) % 10080)
                minute += 1
                if minute % 1440 == end % 1440:
                    break
    return found


def hand_offs(anchor, until):
    """The hand-offs of turns of a month after the first, day by day."""
    found, day = [], anchor
    while day <= until:
        day += datetime.timedelta(days=1)
        last = calendar.monthrange(day.year, day.month)[1]
        if day.day == min(anchor.day, last):
            found.append(day)
    return found


def turn(latest, rotation):
    """The number of hand-offs since the first, if the latest time that the clock has shown is this."""
    kind, length, anchor, later = rotation
    if kind == "months":
        return sum(each <= latest for each in later)
    return (latest - anchor) // length


def expected(layers, overrides, zone, start, end):
    """The users on call at every minute from `start` until before `end`, as sorted tuples.

    Layers are (users, rotation, windows or None, adds); overrides (kind, user, other, start, end).
    """
    until = shown(end, zone)
    layers = [
        (users, (*rotation, hand_offs(rotation[2], until) if rotation[0] == "months" else []), windows, adds)
        for users, rotation, windows, adds in layers
    ]
    covered = [None if windows is None else minutes_of_week(windows) for _, _, windows, _ in layers]
    latest, found = datetime.datetime.min, []  # noqa: DTZ901 - the clock on the wall has no zone
    for at in range(start - LOOK_BACK * MINUTE, end, MINUTE):
        now = shown(at, zone)
        latest = max(latest, now)
        if at < start:
            continue
        people = set()
        for (users, rotation, _, adds), minutes in zip(layers, covered, strict=True):
            if minutes is None or now.weekday() * 1440 + now.hour * 60 + now.minute in minutes:
                user = users[turn(latest, rotation) % len(users)]
                people = people | {user} if adds else {user}
        for kind, user, other, since, until in overrides:
            if since <= at < until:
                people = overridden(people, kind, user, other)
        found.append(tuple(sorted(people)))
    return found


def overridden(people, kind, user, other):
    """Those who are left after one override."""
    if kind == "add":
        return people | {user}
    if kind == "remove":
        return people - {other}
    if kind == "everybody":
        return {user}
    return (people - {other}) | {user} if other in people else people

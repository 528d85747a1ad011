"""The life of incidents as plainly as it goes: one service, one policy of users, scanned second by second."""

SECOND = 1000


class PlainIncident:
    """One incident and what would be written on a whiteboard about it."""

    def __init__(self, number, now, high):
        self.number = number
        self.opened = now
        self.high = high
        self.state = "triggered"
        self.level = 0
        self.loop = 0
        self.level_since = now
        self.level_due = None
        self.pages_due = []
        self.timeout_at = None
        self.wake_at = None
        self.expire_at = None


class PlainIncidents:
    """`levels` are (users, seconds to the next level); every user is paged at once and, if urgent, called 3 s later."""

    def __init__(self, levels, repeat, ack_timeout, auto_resolve):
        self.levels = levels
        self.repeat = repeat
        self.ack_timeout = ack_timeout
        self.auto_resolve = auto_resolve
        self.incidents = {}
        self.of_key = {}
        self.log = []

    def page(self, one, now):
        one.pages_due = []
        for user in self.levels[one.level][0]:
            if one.high:
                self.reach(one, user, "push", now)
                one.pages_due.append((now + 3 * SECOND, user))
            else:
                self.reach(one, user, "mail", now)

    def reach(self, one, user, method, now):
        """Once in an instant for a level."""
        if all(each[:5] != (now, one.number, user, method, one.level) for each in self.log):
            self.log.append((now, one.number, user, method, one.level, one.loop))

    def turn(self, one, level, loop, now):
        one.level, one.loop, one.level_since = level, loop, now
        one.level_due = now + self.levels[level][1] * SECOND if one.high else None
        self.page(one, now)

    def following(self, one):
        if one.level + 1 < len(self.levels):
            return one.level + 1, one.loop
        return (0, one.loop + 1) if one.loop < self.repeat else None

    def trigger_state(self, one, now):
        one.state = "triggered"
        one.timeout_at = one.wake_at = None
        one.expire_at = now + self.auto_resolve * SECOND

    def stop(self, one, state):
        one.state = state
        one.pages_due = []
        one.level_due = one.timeout_at = one.wake_at = one.expire_at = None

    # What each says is whether it was allowed.

    def trigger(self, key, high, now):
        one = self.incidents.get(self.of_key.get(key))
        if one is None or one.state == "resolved":
            one = PlainIncident(len(self.incidents) + 1, now, high)
            self.incidents[one.number] = one
            self.of_key[key] = one.number
            self.trigger_state(one, now)
            self.turn(one, 0, 0, now)
        elif high and not one.high:
            one.high = True
            if one.state == "triggered":
                self.page(one, now)
                one.level_due = now + self.levels[one.level][1] * SECOND
        return True

    def source_resolve(self, key):
        one = self.incidents.get(self.of_key.get(key))
        if one is not None and one.state != "resolved":
            self.stop(one, "resolved")
        return True

    def acknowledge(self, one, now):
        if one.state == "resolved":
            return False
        if one.state != "acknowledged":
            self.stop(one, "acknowledged")
            one.timeout_at = now + self.ack_timeout * SECOND
        return True

    def unacknowledge(self, one, now):
        if one.state != "acknowledged":
            return False
        self.stop(one, "triggered")
        self.trigger_state(one, now)
        self.turn(one, one.level, one.loop, now)
        return True

    def snooze(self, one, until, now):
        if one.state == "resolved" or until <= now:
            return False
        self.stop(one, "snoozed")
        one.wake_at = until
        return True

    def unsnooze(self, one, now):
        if one.state != "snoozed":
            return False
        self.stop(one, "triggered")
        self.trigger_state(one, now)
        self.turn(one, one.level, one.loop, now)
        return True

    def escalate(self, one, now):
        if one.state == "resolved":
            return False
        after = self.following(one) or (0, one.loop)
        if one.state != "triggered":
            self.stop(one, "triggered")
            self.trigger_state(one, now)
        self.turn(one, *after, now)
        return True

    def resolve(self, one, _now):
        if one.state != "resolved":
            self.stop(one, "resolved")
        return True

    def second(self, now):
        """Everything that is due at one second, incident by incident."""
        for one in self.incidents.values():
            if one.expire_at == now:
                self.stop(one, "resolved")
            for due, user in list(one.pages_due):
                if due == now:
                    self.reach(one, user, "phone", now)
                    one.pages_due.remove((due, user))
            if one.level_due == now:
                after = self.following(one)
                one.level_due = None
                if after is not None:
                    self.turn(one, *after, now)
            if now in (one.timeout_at, one.wake_at):
                self.stop(one, "triggered")
                self.trigger_state(one, now)
                self.turn(one, one.level, one.loop, now)

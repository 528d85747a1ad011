"""Users and how they are reached: contact methods, and by urgency which of them when."""

import enum

import attrs


class Urgency(enum.Enum):
    """How urgent an incident is. Whether a low one escalates is the service's choice."""

    LOW = "low"
    HIGH = "high"

    @classmethod
    def of_severity(cls, severity: str) -> "Urgency":
        """Warnings and infos are low; critical, error, and what nobody knows, high."""
        return cls.LOW if severity.lower() in ("warning", "info") else cls.HIGH


@attrs.frozen
class ContactMethod:
    """One way to reach a user: `name` is the user's own word for it, `kind` such as "push", "sms", "phone", "email"."""

    name: str
    kind: str
    address: str = ""


@attrs.frozen
class NotificationRule:
    """Use a contact method `after_ms` from when the user's turn came, if the incident still waits."""

    method: ContactMethod
    urgency: Urgency
    after_ms: int = 0


@attrs.frozen
class User:
    """Somebody who can be paged."""

    name: str
    methods: tuple[ContactMethod, ...]
    rules: tuple[NotificationRule, ...] = ()

    def rules_for(self, urgency: Urgency) -> tuple[NotificationRule, ...]:
        """The rules of an urgency in the order of their delays; without any, every method at once."""
        own = [rule for rule in self.rules if rule.urgency is urgency]
        if not own:
            return tuple(NotificationRule(method, urgency) for method in self.methods)
        return tuple(sorted(own, key=lambda rule: rule.after_ms))

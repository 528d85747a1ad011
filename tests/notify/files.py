"""Reads the receivers of an Alertmanager configuration, as a loader of whole files does."""

import attrs

from obsflow.notify import KINDS, Globals
from obsflow.schema import decode, field, rest

Receiver = attrs.make_class(
    "Receiver",
    {"name": attrs.field(type=str)}
    | {kind.key: attrs.field(type=tuple[kind.config, ...], default=()) for kind in KINDS},
    frozen=True,
)


@attrs.frozen
class File:
    globals_: Globals = field(key="global", factory=Globals)
    receivers: tuple[Receiver, ...] = field(default=())
    others: object = rest()


def load(text):
    """The completed configurations of each receiver, by the name of their kind."""
    file = decode(File, text, "alertmanager.yml")
    return {
        receiver.name: {
            kind.name: tuple(kind.complete(entry, file.globals_) for entry in getattr(receiver, kind.key))
            for kind in KINDS
        }
        for receiver in file.receivers
    }

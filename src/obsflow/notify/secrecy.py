"""Keeps the secrets of a configuration out of what is told about a delivery."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from obsflow.notify.config import MASK, HttpHeader, Secret
from obsflow.notify.outcome import Outcome
from obsflow.notify.steps import Next, Step

_SEPARATORS: Final = re.compile("[/?&=#]")
_SHORTEST: Final = 4  # characters; what is shorter would be found everywhere
_SHORTEST_SEGMENT: Final = 8  # of an address: its words are shorter than its keys


def secrets_of(config: Any, files: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets that a configuration holds or names; `files` has the contents of files by path. Longest first."""
    found = {part for secret in _secrets(config, files) for part in _parts(secret.strip())}
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=lambda each: (-len(each), each)))


def _parts(secret: str) -> Iterator[str]:
    """The secret, and of an address also what a receiver may repeat of it."""
    yield secret
    if not secret.startswith(("http://", "https://")):
        return
    _, _, location = secret.partition("://")
    _, slash, path = location.partition("/")
    yield slash + path
    yield from (each for each in _SEPARATORS.split(path) if len(each) >= _SHORTEST_SEGMENT)


def _secrets(value: Any, files: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item, files)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets(item, files)
    elif attrs.has(type(value)):
        if isinstance(value, HttpHeader):
            yield from (files.get(path, "") for path in value.files)
        for attribute in attrs.fields(type(value)):
            item = getattr(value, attribute.name)
            if attribute.name.endswith("_file") and item:
                yield files.get(item, "")
            else:
                yield from _secrets(item, files)


def guard(following: Next, config: Any, files: Mapping[str, str]) -> Next:
    """The same step or outcome; no reason that comes of it, now or later, repeats a secret of the configuration.

    A receiver that refuses a token may well say which one it was.
    """
    if isinstance(following, Step):
        return guard_step(following, config, files)
    return attrs.evolve(following, reason=_mask(following, config, files)) if following.reason else following


def guard_step(step: Step, config: Any, files: Mapping[str, str]) -> Step:
    """Like `guard`, for a step."""
    return attrs.evolve(step, reader=lambda answer: guard(step.reader(answer), config, files))


def _mask(outcome: Outcome, config: Any, files: Mapping[str, str]) -> str:
    reason = outcome.reason
    for secret in secrets_of(config, files):
        reason = reason.replace(secret, MASK)
    return reason

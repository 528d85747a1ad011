"""Relabelling: rules that rewrite a label set, or drop what has it, with Prometheus' actions and defaults."""

import enum
import hashlib
from collections.abc import Iterable
from typing import Final

import attrs

from obsflow.model.labels import Labels, quote
from obsflow.model.regex import LabelRegex

_REGEX, _REPLACEMENT, _SEPARATOR = "(.*)", "$1", ";"
_MAX_MODULUS: Final = (1 << 64) - 1


class RelabelAction(enum.Enum):
    """What a rule does with the source, which is the values of its source labels joined by its separator."""

    REPLACE = "replace"  # where the source matches, the target label becomes the replacement
    KEEP = "keep"  # drops unless the source matches
    DROP = "drop"  # drops where the source matches
    KEEP_EQUAL = "keepequal"  # drops unless the source is the value of the target label
    DROP_EQUAL = "dropequal"  # drops where it is
    HASHMOD = "hashmod"  # the target label becomes the source's hash modulo a number
    LABEL_MAP = "labelmap"  # labels whose name matches are copied to the name that the replacement says
    LABEL_DROP = "labeldrop"  # labels whose name matches go
    LABEL_KEEP = "labelkeep"  # labels whose name does not match go
    LOWERCASE = "lowercase"  # the target label becomes the source in lower case
    UPPERCASE = "uppercase"  # or in upper case


_Action = RelabelAction
_EQUALS: Final = (_Action.KEEP_EQUAL, _Action.DROP_EQUAL)
_FIXED_REPLACEMENT: Final = (_Action.LOWERCASE, _Action.UPPERCASE, *_EQUALS)
_WITH_TARGET: Final = (_Action.REPLACE, _Action.HASHMOD, *_FIXED_REPLACEMENT)
_ON_NAMES: Final = (_Action.LABEL_DROP, _Action.LABEL_KEEP)


def _to_action(text: str | RelabelAction) -> RelabelAction:
    if isinstance(text, RelabelAction):
        return text
    try:
        return RelabelAction(text.lower())
    except ValueError:
        raise ValueError(f"unknown relabel action {quote(text)}") from None


@attrs.frozen
class RelabelConfig:
    """One rule. Its fields are the keys of a `relabel_configs` entry, with their defaults.

    Label names may be any UTF-8. Raises ValueError with everything that is wrong.
    """

    source_labels: tuple[str, ...] = ()
    separator: str = _SEPARATOR
    regex: str = _REGEX
    modulus: int = 0
    target_label: str = ""
    replacement: str = _REPLACEMENT
    action: RelabelAction = attrs.field(default=RelabelAction.REPLACE, converter=_to_action)
    compiled: LabelRegex = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        problems = [*self._find_problems()]
        try:
            object.__setattr__(self, "compiled", LabelRegex(self.regex))
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))

    def _find_problems(self) -> Iterable[str]:
        action = self.action
        if not 0 <= self.modulus <= _MAX_MODULUS:
            yield f"modulus must be from 0 to {_MAX_MODULUS}, not {self.modulus}"
        yield from (f"{quote(name)} is not a valid label name" for name in self.source_labels if not _is_name(name))
        if action is _Action.HASHMOD and not self.modulus:
            yield "relabel configuration for hashmod requires non-zero modulus"
        if action in _WITH_TARGET and not self.target_label:
            yield f"relabel configuration for {action.value} action requires 'target_label' value"
        elif action in _WITH_TARGET and not _is_name(self.target_label):
            yield f"{quote(self.target_label)} is invalid 'target_label' for {action.value} action"
        if action in _FIXED_REPLACEMENT and self.replacement != _REPLACEMENT:
            yield f"'replacement' can not be set for {action.value} action"
        if action is _Action.LABEL_MAP and not _is_name(self.replacement):
            yield f"{quote(self.replacement)} is invalid 'replacement' for {action.value} action"
        shared = (self.modulus, self.separator) != (0, _SEPARATOR)
        if action in _EQUALS and (shared or self.regex != _REGEX):
            yield f"{action.value} action requires only 'source_labels' and 'target_label', and no other fields"
        if action in _ON_NAMES and (
            shared or self.source_labels or self.target_label or self.replacement != _REPLACEMENT
        ):
            yield f"{action.value} action requires only 'regex', and no other fields"

    def matches(self, text: str) -> bool:
        """Whether the regex matches the whole of a text."""
        literals = self.compiled.literals
        return text in literals if literals is not None else self.compiled.expand("", text) is not None


class _Builder:
    """Labels that change, in the order in which Prometheus walks them: what is untouched, then what was set."""

    __slots__ = ("_untouched", "labels")

    def __init__(self, labels: Labels) -> None:
        self.labels = dict(labels.pairs)
        self._untouched = set(self.labels)

    def get(self, name: str) -> str:
        return self.labels.get(name, "")

    def set(self, name: str, value: str) -> None:
        if not value or name in self._untouched:
            self.delete(name)
        if value:
            self.labels[name] = value

    def delete(self, name: str) -> None:
        self._untouched.discard(name)
        self.labels.pop(name, None)


def relabel(labels: Labels, configs: Iterable[RelabelConfig]) -> Labels | None:
    """What the rules, one after another, make of a label set; None where one drops it."""
    builder = _Builder(labels)
    for config in configs:
        if not _apply(config, builder):
            return None
    return Labels(builder.labels)


def _apply(config: RelabelConfig, labels: _Builder) -> bool:
    """Apply one rule; False where it drops."""
    source = config.separator.join(map(labels.get, config.source_labels))
    match config.action:
        case RelabelAction.KEEP:
            return config.matches(source)
        case RelabelAction.DROP:
            return not config.matches(source)
        case RelabelAction.KEEP_EQUAL:
            return labels.get(config.target_label) == source
        case RelabelAction.DROP_EQUAL:
            return labels.get(config.target_label) != source
        case RelabelAction.REPLACE:
            _replace(config, labels, source)
        case RelabelAction.HASHMOD:
            digest = hashlib.md5(source.encode(), usedforsecurity=False).digest()
            labels.set(config.target_label, str(int.from_bytes(digest[8:], "big") % config.modulus))
        case RelabelAction.LOWERCASE:
            labels.set(config.target_label, "".join(map(_to_lower, source)))
        case RelabelAction.UPPERCASE:
            labels.set(config.target_label, "".join(map(_to_upper, source)))
        case RelabelAction.LABEL_MAP:
            for name, value in list(labels.labels.items()):
                renamed = config.compiled.expand(config.replacement, name)
                if renamed is not None:
                    labels.set(renamed, value)
        case RelabelAction.LABEL_DROP | RelabelAction.LABEL_KEEP:
            goes = config.action is RelabelAction.LABEL_DROP
            for name in [name for name in labels.labels if config.matches(name) is goes]:
                labels.delete(name)
    return True


def _replace(config: RelabelConfig, labels: _Builder, source: str) -> None:
    target = config.compiled.expand(config.target_label, source)
    if target is None or not _is_name(target):
        return
    labels.set(target, config.compiled.expand(config.replacement, source) or "")


def _is_name(name: str) -> bool:
    """Whether it is a label name: UTF-8 that is not empty."""
    return bool(name) and (name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name))


def _to_lower(c: str) -> str:
    """A character in lower case, which in Go is one character too."""
    return c.lower()[0]  # only of "İ" there are two, of which Go takes the first


def _to_upper(c: str) -> str:
    """A character in upper case, which in Go is one character too: that of a title where upper case needs several."""
    return next((to for to in (c.upper(), c.title()) if len(to) == 1), c)

"""What promtool makes of templates that ask for the address of the server, of which it has the text and no URL."""

import functools
from typing import Any, Final

import attrs

from obsflow.gotemplate.templates import TemplateSet
from obsflow.rules import AlertingRule, Rule, RuleGroup
from obsflow.rules.functions import FUNCTIONS
from obsflow.rules.templates import PRELUDE, VARIABLES, AlertTemplate

_ASKING: Final = ("externalURL", "pathPrefix")


class UntrimmedUrl(str):
    """An address that keeps the slash at its end, which a server takes off and promtool does not."""

    __slots__ = ()

    def rstrip(self, chars: str | None = None) -> str:  # noqa: ARG002 - as it is called
        """The address as it is."""
        return self


def _fail() -> str:
    raise ValueError("runtime error: invalid memory address or nil pointer dereference")


_SET: Final = TemplateSet({**FUNCTIONS, **dict.fromkeys(_ASKING, _fail)})
_FIELDS: Final = ("label_templates", "annotation_templates")


def without_url(group: RuleGroup) -> RuleGroup:
    """The group with the functions `externalURL` and `pathPrefix` failing in its templates; the variable stays."""
    rules = tuple(_without_url(rule) for rule in group.rules)
    return group if rules == group.rules and all(map(_is, rules, group.rules)) else attrs.evolve(group, rules=rules)


def _is(one: Any, other: Any) -> bool:
    return one is other


def _without_url(rule: Rule) -> Rule:
    if not isinstance(rule, AlertingRule):
        return rule
    texts = (*rule.labels.values(), *rule.annotations.values())
    if not any(word in text for word in _ASKING for text in texts):
        return rule
    changed = attrs.evolve(rule)
    for name in _FIELDS:
        templates = {key: _failing(template) for key, template in getattr(rule, name).items()}
        object.__setattr__(changed, name, templates)  # not an argument
    return changed


@functools.lru_cache(maxsize=1024)
def _failing(template: AlertTemplate) -> AlertTemplate:
    if not any(word in template.text for word in _ASKING):
        return template
    own = _SET.clone()
    changed = own.parse(PRELUDE + template.text, f"__alert_{template.rule}", VARIABLES, start=len(PRELUDE))
    return attrs.evolve(template, template=changed)

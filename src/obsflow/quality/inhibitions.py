"""Checks of inhibit rules: whether they can mute anything, and whether they mute too much."""

from collections.abc import Iterator

from obsflow.alertmanager import InhibitRule
from obsflow.alertmanager.document import InhibitRuleSection
from obsflow.model.matchers import Matcher
from obsflow.quality.findings import Finding
from obsflow.quality.reach import can_pass
from obsflow.quality.routefile import ReviewedConfig
from obsflow.quality.shapes import AlertShape


def check_inhibit_rules(config: ReviewedConfig) -> Iterator[Finding]:
    """M504, M510, M511: each rule by itself, and against the alerts that are known to come."""
    for i, (rule, section) in enumerate(zip(config.config.inhibit_rules, config.file.inhibit_rules, strict=True)):
        name = rule.name or f"inhibit_rules[{i}]"
        found = _idle(rule, config.shapes)
        if found is not None:
            yield _find("M504", section, name, found)
            continue
        if rule.source and not can_pass(rule.source, [rule.target]):
            message = "Every source is a target as well, and no source that is a target mutes another that is both."
            yield _find("M510", section, name, message, "Make the target's matchers exclude the sources.")
        if not rule.equal:
            source, target = _say(rule.source), _say(rule.target)
            message = f"There is no `equal`: one alert with {source} mutes every alert with {target}."
            fix = "Name the labels on which both must agree, such as `equal: [cluster]`."
            yield _find("M511", section, name, message, fix)


def _find(code: str, section: InhibitRuleSection, name: str, message: str, fix: str = "") -> Finding:
    return Finding.of(code, section.at[""], name, message, fix)


def _say(matchers: tuple[Matcher, ...]) -> str:
    return ", ".join(map(str, matchers)) or "any labels"


def _idle(rule: InhibitRule, shapes: tuple[AlertShape, ...] | None) -> str | None:
    """Why a rule mutes nothing."""
    for role, matchers in (("source", rule.source), ("target", rule.target)):
        if not can_pass(matchers):
            return f"No alert can be a {role}: nothing passes all of {_say(matchers)}."
    if shapes is None:
        return None
    sources = [shape for shape in shapes if shape.may_pass(rule.source)]
    targets = [shape for shape in shapes if shape.may_pass(rule.target)]
    for role, found, matchers in (("source", sources, rule.source), ("target", targets, rule.target)):
        if not found:
            return f"No alert of the rules can be a {role}: none has {_say(matchers)}."
    if not any(_agree(rule, source, target) for source in sources for target in targets):
        return f"No source and target of the rules can agree on {', '.join(rule.equal)}."
    return None


def _agree(rule: InhibitRule, source: AlertShape, target: AlertShape) -> bool:
    """Whether alerts of both may have the same values of the labels that must be equal."""
    for name in rule.equal:
        ours, theirs = source.values.get(name), target.values.get(name)
        if ours is not None and theirs is not None and not ours & theirs:
            return False
    return True

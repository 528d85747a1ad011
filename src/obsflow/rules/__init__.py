"""Recording and alerting rules: files, groups, and the lifecycle inactive → pending → firing → resolved."""

from obsflow.rules.config import AlertingRule, RecordingRule, Rule, RuleFile, RuleGroup, load_rules
from obsflow.rules.context import Evaluator, RuleContext
from obsflow.rules.effects import Effect, EvaluationFailed, SendAlerts, Transition, WriteSamples
from obsflow.rules.group import GroupMachine, GroupReloaded
from obsflow.rules.lifecycle import AlertState, TransitionReason
from obsflow.rules.phase import group_offset
from obsflow.rules.restoring import ForStateRead, ReadForState, RestorePolicy

__all__ = [
    "AlertState",
    "AlertingRule",
    "Effect",
    "EvaluationFailed",
    "Evaluator",
    "ForStateRead",
    "GroupMachine",
    "GroupReloaded",
    "ReadForState",
    "RecordingRule",
    "RestorePolicy",
    "Rule",
    "RuleContext",
    "RuleFile",
    "RuleGroup",
    "SendAlerts",
    "Transition",
    "TransitionReason",
    "WriteSamples",
    "group_offset",
    "load_rules",
]

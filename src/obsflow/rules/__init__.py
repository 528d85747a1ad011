"""Recording and alerting rules: files, groups, and the lifecycle inactive → pending → firing → resolved."""

from obsflow.rules.config import AlertingRule, RecordingRule, Rule, RuleFile, RuleGroup
from obsflow.rules.context import Evaluator, RuleContext
from obsflow.rules.effects import Effect, EvaluationFailed, SendAlerts, Transition, WriteSamples
from obsflow.rules.group import GroupMachine, GroupReloaded, GroupRemoved
from obsflow.rules.health import RuleHealth
from obsflow.rules.lifecycle import AlertState, TransitionReason
from obsflow.rules.loading import load_rules
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
    "GroupRemoved",
    "ReadForState",
    "RecordingRule",
    "RestorePolicy",
    "Rule",
    "RuleContext",
    "RuleFile",
    "RuleGroup",
    "RuleHealth",
    "SendAlerts",
    "Transition",
    "TransitionReason",
    "WriteSamples",
    "group_offset",
    "load_rules",
]

"""Checks of what an alert says of itself: `for`, severity, annotations."""

import difflib
from collections.abc import Iterator
from typing import Final

from obsflow.promql.ast import Call
from obsflow.promql.inspect import selectors, walk
from obsflow.quality.catalog import Severity
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.trees import looks_back

RUNBOOKS: Final = ("runbook_url", "runbook", "runbook_link", "playbook", "playbook_url")
DASHBOARDS: Final = ("dashboard", "dashboard_url", "dashboard_link", "dashboards", "grafana", "grafana_url")
SUMMARIES: Final = ("summary", "description", "message", "title")
SEVERITY: Final = "severity"


def check_for(rule: ReviewedRule) -> Iterator[Finding]:
    """A211: alerts that a single sample fires."""
    alert = rule.alert
    if alert is None or alert.for_ms or not selectors(alert.expr):
        return
    node = rule.node
    if node is not None and "for" in node.entries:
        return  # `for: 0s` says that it is meant
    if looks_back(alert.expr):
        return
    absent = any(isinstance(each, Call) and each.name == "absent" for each, _ in walk(alert.expr))
    message = "There is no `for`: one evaluation is enough to fire."
    if absent:
        message = "There is no `for`: one scrape that is late is enough to fire."
    fix = "Add `for: 5m`, or `for: 0s` if one sample is enough."
    yield rule.find("A211", None, message, fix, severity=Severity.NOTE if absent else None)


def has_for(rule: ReviewedRule) -> bool:
    """Whether a single sample cannot fire the alert."""
    return not any(finding.code == "A211" for finding in check_for(rule))


def check_context(rule: ReviewedRule) -> Iterator[Finding]:
    """A212, A213: what the reader of a notification needs."""
    alert = rule.alert
    if alert is None or is_heartbeat(rule):
        return
    if not has_context(rule):
        fix = "Add the annotation `runbook_url`, or `dashboard`."
        yield rule.find("A212", None, "No annotation leads to a runbook or a dashboard.", fix)
    if not any(alert.annotations.get(name) for name in SUMMARIES):
        yield rule.find("A213", None, "There is no annotation `summary` or `description`.")


def has_context(rule: ReviewedRule) -> bool:
    """Whether an annotation leads to a runbook or a dashboard."""
    return rule.alert is not None and any(rule.alert.annotations.get(name) for name in (*RUNBOOKS, *DASHBOARDS))


def is_heartbeat(rule: ReviewedRule) -> bool:
    """Whether the alert is for machines, which its severity "none" says."""
    return rule.alert is not None and rule.alert.labels.get(SEVERITY) == "none"


def check_severity(rule: ReviewedRule) -> Iterator[Finding]:
    """A214, A215: the label that routes go by."""
    alert = rule.alert
    if alert is None:
        return
    severity = alert.labels.get(SEVERITY)
    if severity is None:
        if SEVERITY not in rule.labels_of(alert.expr).values:
            yield rule.find("A214", None, "There is no label `severity`.")
    elif "{{" not in severity and severity not in rule.settings.severities:
        close = difflib.get_close_matches(severity.lower(), rule.settings.severities, n=1)
        fix = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(rule.settings.severities)}."
        place = rule.place("labels", SEVERITY)
        yield rule.find("A215", place, f'The severity "{severity}" is not known.', fix)

"""Rules and configurations for tests, built from the few lines that a case is about."""

import json
import textwrap

from obsflow.adapters.routes import load_alertmanager
from obsflow.quality import ReviewedConfig, ReviewedFile, Settings, check_config, check_rules, reviewed_rules

ALERT = {
    "for": "5m",
    "labels": {"severity": "warning"},
    "annotations": {"summary": "s", "runbook_url": "https://runbooks.example.com/s"},
}


def alert(expr, name="Alert", **fields):
    """An alert that there is nothing to say of, but for its expression and the given fields; None takes one away."""
    return {"alert": name, "expr": expr} | {k: v for k, v in (ALERT | fields).items() if v is not None}


def group_text(*rules, **fields):
    """A rule file of one group. JSON is YAML."""
    return json.dumps({"groups": [{"name": "g", **fields, "rules": list(rules)}]}, indent=1)


def rule_file(text, source="rules.yml"):
    return ReviewedFile.load(text, source)


def find(*rules, settings=None, **fields):
    """The findings of one group of rules."""
    return check_rules([rule_file(group_text(*rules, **fields))], settings or Settings())


def codes(findings):
    return sorted({finding.code for finding in findings})


def find_in_config(text, *rules, external=None):
    """The findings of an Alertmanager configuration, with the alerts of these rules if there are any."""
    known = None
    if rules:
        known = reviewed_rules((rule_file(group_text(*rules)),), Settings(external_labels=external))
    config = ReviewedConfig.load(textwrap.dedent(text), "alertmanager.yml", load_alertmanager, known)
    return check_config(config)

"""What the templates of an alerting rule say of one sample, and the series that an alert is written as."""

from collections.abc import Callable, Mapping

from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.promql.printer import render
from obsflow.rules.config import AlertingRule
from obsflow.rules.context import RuleContext
from obsflow.rules.functions import Moment, table_link
from obsflow.rules.restoring import FOR_STATE_METRIC
from obsflow.rules.templates import AlertTemplate, TemplateData

ALERT_NAME = "alertname"
ALERTS_METRIC = "ALERTS"


class Expansion:
    """The texts of a rule in the surroundings in which it runs."""

    def __init__(self, rule: AlertingRule, context: RuleContext) -> None:
        self._rule = rule
        self._context = context
        self._raw_labels = {name: text for name, text in rule.labels.items() if text}
        self.fixed_labels = {name: text for name, text in self._raw_labels.items() if "{{" not in text}
        self.generator_url = f"{context.external_url}{table_link(render(rule.expr))}"

    def labels(self, sample: Labels, value: float, time: int) -> Labels:
        """The labels of the alert that a sample is at `time` (ms)."""
        expand = self.at(sample, value, time)
        own = {name: expand(template) for name, template in self._rule.label_templates.items()}
        return sample.with_({METRIC_NAME: "", **own, ALERT_NAME: self._rule.alert})

    def annotations(self, sample: Labels, value: float, time: int) -> Labels:
        """The annotations of an alert whose condition was true at `time` (ms) for the last time."""
        expand = self.at(sample, value, time)
        return Labels.of_annotations({name: expand(each) for name, each in self._rule.annotation_templates.items()})

    def outgoing(self, alert: Labels) -> Labels:
        """The labels that an alert leaves with: the external ones where it has none of its own."""
        return Labels({**self._context.external_labels, **alert})

    def alerts_series(self, alert: Labels, state: str) -> Labels:
        """The series of `ALERTS` for an alert in a state."""
        return self._series(alert, {METRIC_NAME: ALERTS_METRIC, "alertstate": state})

    def for_state_series(self, alert: Labels) -> Labels:
        """The series of `ALERTS_FOR_STATE` for an alert."""
        return self._series(alert, {METRIC_NAME: FOR_STATE_METRIC})

    def at(self, sample: Labels, value: float, time: int) -> Callable[[AlertTemplate], str]:
        """What a template becomes for a sample at `time` (ms)."""
        context = self._context
        data = TemplateData(sample, value, context.external_labels, context.external_url)
        moment = Moment(time, context.external_url, context.evaluator.query)
        return lambda template: template.expand(data, moment)

    def _series(self, alert: Labels, more: Mapping[str, str]) -> Labels:
        """The alert's labels and `more`.

        A label whose template expands to nothing is there with the text of its template, as in Prometheus.
        """
        return Labels({**self._raw_labels, **alert, ALERT_NAME: self._rule.alert, **more})

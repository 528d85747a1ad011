"""The catalogue of what is looked for: every kind of finding has a code, a name, a reason and a severity."""

import enum
from typing import Final

import attrs


class Severity(enum.Enum):
    """How bad a finding is. An error does not work at all; a warning is most likely a mistake; a note is advice."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@attrs.frozen
class Check:
    """A kind of finding: `what` is found, and `why` it matters."""

    code: str
    name: str
    severity: Severity
    what: str
    why: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

CHECKS: Final = (
    Check("L001", "does-not-load", _E, "the file is not what a server would load", "the server refuses the file"),
    # -- expressions
    Check(
        "X101", "ratio-of-itself", _W,
        "a part of a metric is divided by all of it series by series",
        "each series finds only itself on the other side, so the ratio is 1 wherever there is one",
    ),
    Check(
        "X102", "sides-never-match", _W,
        "the two sides of an operator have no labels on which they could match",
        "the result is always empty, whatever the data",
    ),
    Check(
        "X103", "never-true", _W,
        "a comparison that no value can pass, or a set operator that leaves nothing",
        "the alert can never fire; `count(x) == 0` and `absent(x) == 0` are the usual ways to write it",
    ),
    Check(
        "X104", "always-true", _W,
        "a comparison that every value passes, or one with `bool` whose 0 is an alert as well",
        "every series is an alert, always",
    ),
    Check(
        "X105", "contradictory-matchers", _W,
        "the matchers of a selector exclude each other",
        "the selector selects nothing",
    ),
    Check(
        "X106", "no-condition", _N,
        "an alert whose expression has no condition",
        "it fires for every series there is; `vector(1)` is taken to be meant so",
    ),
    Check(
        "X111", "rate-of-gauge", _W,
        "`rate`, `increase`, `irate` or `resets` of a gauge",
        "each fall of the gauge is taken for a restart from zero; `delta` and `deriv` are for gauges",
    ),
    Check(
        "X112", "gauge-function-of-counter", _W,
        "`delta`, `idelta`, `deriv` or `predict_linear` of a counter",
        "a restart of the process looks like a great fall; `rate` and `increase` know restarts",
    ),
    Check(
        "X113", "raw-counter", _N,
        "a counter compared with a number without `rate` or `increase`",
        "a counter only grows: once true it stays true until the process restarts",
    ),
    Check(
        "X114", "rate-of-aggregate", _W,
        "`rate` of what has been aggregated or is a rate already",
        "the restart of one of many processes is then taken for a restart of all: rate first, then sum",
    ),
    Check(
        "X115", "short-range", _W,
        "a range of less than two scrape intervals",
        "a rate needs two samples; with one lost scrape there is no result",
    ),
    Check(
        "X116", "irate-in-alert", _N,
        "`irate` or `idelta` in an alert",
        "they look at the last two samples alone, so a short dip ends the alert and starts `for` again",
    ),
    Check(
        "X121", "quantile-without-le", _W,
        "the argument of `histogram_quantile` is a classic histogram whose label `le` is aggregated away",
        "without buckets there is no result",
    ),
    Check(
        "X122", "quantile-of-totals", _N,
        "`histogram_quantile` of buckets without `rate` or `increase`",
        "it answers for the whole life of the process, and hardly moves when something goes wrong",
    ),
    Check(
        "X123", "quantile-of-no-buckets", _W,
        "`histogram_quantile` of a `_sum`, a `_count` or another metric that is no histogram",
        "there are no buckets in it",
    ),
    Check(
        "X124", "quantile-out-of-range", _W,
        "a quantile below 0 or above 1",
        "the result is infinite: the 95th percentile is 0.95",
    ),
    Check(
        "X125", "aggregated-quantile", _W,
        "an average or a sum of quantiles",
        "quantiles of parts do not add up to one of the whole: aggregate the buckets, then take the quantile",
    ),
    # -- alerts
    Check(
        "A201", "label-not-there", _W,
        "a template reads a label that the result cannot have",
        "it prints nothing: the label was aggregated away, or is one that the rule itself sets",
    ),
    Check(
        "A202", "value-in-labels", _W,
        "a label is made of `$value`",
        "each value is another alert, so that none lives long enough to fire, or is told again and again",
    ),
    Check(
        "A203", "value-unit", _W,
        "a template shows a percentage as a ratio, or a ratio as a percentage",
        "the reader sees a number that is a hundred times too large or too small",
    ),
    Check(
        "A211", "no-for", _W,
        "an alert has no `for`, and its expression looks at one moment only",
        "a single bad scrape fires it; `for: 0s` says that this is meant",
    ),
    Check(
        "A212", "no-runbook", _N,
        "an alert has neither a runbook nor a dashboard among its annotations",
        "whoever is woken has to find out where to look",
    ),
    Check(
        "A213", "no-summary", _N,
        "an alert has neither a summary nor a description",
        "the notification says only its name",
    ),
    Check("A214", "no-severity", _N, "an alert has no label `severity`", "routes by severity do not see it"),
    Check(
        "A215", "unknown-severity", _W,
        "the severity is none of those that are known",
        "routes by severity do not see it; `--severities` says which there are",
    ),
    # -- groups
    Check("G301", "duplicate-rule", _W, "two rules are the same", "one of them can go"),
    Check(
        "G302", "same-alert-twice", _W,
        "two alerts have the same name and labels, and different conditions of the same series",
        "the router cannot tell them apart: the end of one resolves the other",
    ),
    Check(
        "G303", "recording-name", _N,
        "the name of a recording rule is not of the form `level:metric:operations`",
        "the colons tell a reader that a rule made it, and how",
    ),
    Check(
        "G304", "reads-later-rule", _W,
        "a rule reads what a later rule of its group records, or itself",
        "it sees the value of the evaluation before",
    ),
    Check(
        "G305", "for-below-interval", _N,
        "`for` is shorter than the interval of the group",
        "it is in effect the whole interval",
    ),
    Check(
        "G306", "interval-beyond-range", _W,
        "the interval of the group is longer than a range that its rule looks at",
        "what happens in between is never looked at",
    ),
    # -- data
    Check("D401", "no-such-metric", _W, "the data has no metric of that name", "the selector selects nothing"),
    Check("D402", "no-such-label", _W, "no series of the metric has the label", "the selector selects nothing"),
    Check(
        "D403", "no-such-value", _N,
        "no series of the metric has a matching value of the label",
        "it may not have happened yet; of a target's own label, such as `job`, it is most likely a mistake",
    ),
    # -- Alertmanager
    Check(
        "M501", "unreachable-route", _W,
        "no alert can reach a route",
        "an earlier route takes all that it would take and does not continue, or its matchers exclude each other",
    ),
    Check(
        "M502", "overshadowed-route", _W,
        "an earlier route about other labels takes part of what a route asks for",
        "the route looks as if it got all of it",
    ),
    Check("M503", "unused-receiver", _N, "no route names a receiver", "nothing is ever sent to it"),
    Check(
        "M504", "idle-inhibit-rule", _W,
        "an inhibit rule has no source or no target among the alerts, or its matchers exclude each other",
        "it mutes nothing",
    ),
    Check(
        "M505", "only-the-default", _N,
        "an alert reaches no route but the root",
        "the default receiver is for what nobody thought of",
    ),
    Check("M506", "critical-not-paged", _W, "a critical alert reaches nothing that pages", "nobody is woken"),
    Check(
        "M507", "repeat-below-group", _W,
        "`repeat_interval` is shorter than `group_interval`, or longer than the log remembers",
        "reminders come at group intervals only, or sooner than asked for",
    ),
    Check(
        "M508", "group-by-missing-label", _N,
        "alerts are grouped by a label that none of them has",
        "it groups nothing",
    ),
    Check(
        "M509", "pager-not-resolved", _W,
        "a pager is not told that an alert is resolved",
        "the incident stays open until somebody closes it by hand",
    ),
    Check(
        "M510", "self-inhibition", _W,
        "every source of an inhibit rule is a target of it as well",
        "an alert that is both is muted by none of them, so the rule mutes less than it says",
    ),
    Check(
        "M511", "inhibit-without-equal", _N,
        "an inhibit rule names no `equal` labels",
        "one source anywhere mutes all targets everywhere",
    ),
    Check("M512", "unused-interval", _N, "no route names a time interval", "it mutes nothing"),
    Check(
        "M513", "idle-route", _N,
        "none of the alerts can reach a route",
        "either the route or the label of an alert is misspelt, or its alerts are gone",
    ),
    Check(
        "M514", "old-syntax", _N,
        "a key is deprecated, or only the classic grammar reads a matcher as it is meant",
        "a later Alertmanager will refuse it, or take it for something else",
    ),
)  # fmt: skip
"""Every kind of finding, in the order of the codes within each part."""

CATALOG: Final = {check.code: check for check in CHECKS}
"""The same by code."""

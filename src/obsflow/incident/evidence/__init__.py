"""Evidence from metrics, logs and traces, combined into a ranked cause."""

from obsflow.incident.evidence.causes import Diagnosis, Hypothesis, Judgement, SetAside, Weighed, diagnose
from obsflow.incident.evidence.change_points import ChangePoint, find_change_point
from obsflow.incident.evidence.comparison import (
    Failure,
    FailureOrigin,
    OperationGrowth,
    compare_traces,
    count_origins,
    find_failures,
)
from obsflow.incident.evidence.critical_path import Segment, find_critical_path, path_times, self_times
from obsflow.incident.evidence.investigation import Observations, investigate
from obsflow.incident.evidence.items import (
    Deploy,
    Evidence,
    EvidenceKind,
    of_alert,
    of_change_point,
    of_deploy,
    of_growth,
    of_origin,
    of_share,
    of_spike,
)
from obsflow.incident.evidence.logs import LogCluster, LogSpike, cluster_logs, find_new, find_spikes
from obsflow.incident.evidence.otlp import read_otlp_logs, read_otlp_spans
from obsflow.incident.evidence.records import (
    LogRecord,
    LogSeverity,
    Series,
    Span,
    SpanStatus,
    Window,
    read_logs,
    read_spans,
)
from obsflow.incident.evidence.shares import LabelShare, explain_change
from obsflow.incident.evidence.traces import Node, Repair, Trace, group_traces

__all__ = [
    "ChangePoint",
    "Deploy",
    "Diagnosis",
    "Evidence",
    "EvidenceKind",
    "Failure",
    "FailureOrigin",
    "Hypothesis",
    "Judgement",
    "LabelShare",
    "LogCluster",
    "LogRecord",
    "LogSeverity",
    "LogSpike",
    "Node",
    "Observations",
    "OperationGrowth",
    "Repair",
    "Segment",
    "Series",
    "SetAside",
    "Span",
    "SpanStatus",
    "Trace",
    "Weighed",
    "Window",
    "cluster_logs",
    "compare_traces",
    "count_origins",
    "diagnose",
    "explain_change",
    "find_change_point",
    "find_critical_path",
    "find_failures",
    "find_new",
    "find_spikes",
    "group_traces",
    "investigate",
    "of_alert",
    "of_change_point",
    "of_deploy",
    "of_growth",
    "of_origin",
    "of_share",
    "of_spike",
    "path_times",
    "read_logs",
    "read_otlp_logs",
    "read_otlp_spans",
    "read_spans",
    "self_times",
]

"""Under which URLs the servers that recorded some data linked to themselves.

Prometheus and Alertmanager link to `http://<host name>:<port>` unless they are told otherwise. A server that scraped
itself and a node exporter left both in the data: its port in the `instance` of its own build info, the host's name in
`node_uname_info`.
"""

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable


def recorded_external_url(store: Queryable, build_info: str, start: int, end: int) -> str | None:
    """The default URL of the server whose `build_info` metric is in the data; None where that is not certain."""
    hosts = _values(store, "node_uname_info", "nodename", start, end)
    instances = _values(store, build_info, "instance", start, end)
    if len(hosts) != 1 or len(instances) != 1:
        return None
    port = instances.pop().rpartition(":")[2]
    return f"http://{hosts.pop()}:{port}" if port.isdecimal() else None


def _values(store: Queryable, metric: str, label: str, start: int, end: int) -> set[str]:
    selection = store.select([Matcher(METRIC_NAME, MatchOp.EQUAL, metric)], start, end)
    return {labels.get(label) for labels in selection.labels.decode()} - {""}

"""A month of a thousand alerting rules in one pass, and what `promtool test rules` takes for a slice of it.

A hundred services, each with three instances that are scraped every minute, and ten rules about each. Every few days
something is wrong with a service for some minutes, and now and then for long enough.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks import Table
from benchmarks.blocks import Series, write_block

VERSION = 1
ULID = "01M9G2ZQ7K4S5V8W3X6Y1B0C2D"
MINUTE_MS = 60_000
START_MS = 1_700_000_040_000
DAYS = 30
STEPS = DAYS * 24 * 60
SLICE_STEPS = 24 * 60
SERVICES = 100
MANY = 10_000
INSTANCES = ("a", "b", "c")
BOUNDS = ("0.1", "0.25", "0.5", "1", "2.5", "+Inf")
SHARES = (0.7, 0.2, 0.07, 0.02, 0.007, 0.003)
PEERS = ("promtool", *filter(None, (os.environ.get("OBSFLOW_PROMTOOL"),)))

RULES = """
- alert: {S}ErrorRate
  expr: >
    sum(rate(http_requests_total{{service="{s}",status="500"}}[5m]))
      / sum(rate(http_requests_total{{service="{s}"}}[5m])) > 0.05
  for: 5m
  labels: {{severity: critical, service: "{s}"}}
  annotations: {{summary: "{{{{ $value | humanizePercentage }}}} of the requests to {s} fail"}}
- alert: {S}InstanceErrorRate
  expr: >
    sum by (instance) (rate(http_requests_total{{service="{s}",status="500"}}[5m]))
      / sum by (instance) (rate(http_requests_total{{service="{s}"}}[5m])) > 0.1
  for: 5m
  labels: {{severity: warning, service: "{s}"}}
- alert: {S}Latency
  expr: histogram_quantile(0.95, sum by (le) (rate(http_duration_seconds_bucket{{service="{s}"}}[5m]))) > 0.5
  for: 10m
  labels: {{severity: warning, service: "{s}"}}
  annotations: {{summary: "p95 of {s} is {{{{ $value }}}}s"}}
- alert: {S}Down
  expr: up{{service="{s}"}} == 0
  for: 1m
  labels: {{severity: critical, service: "{s}"}}
  annotations: {{summary: "{{{{ $labels.instance }}}} is down"}}
- alert: {S}Absent
  expr: absent(up{{service="{s}"}})
  for: 5m
  labels: {{severity: critical, service: "{s}"}}
- alert: {S}Memory
  expr: memory_usage_bytes{{service="{s}"}} / memory_limit_bytes{{service="{s}"}} > 0.9
  for: 5m
  labels: {{severity: warning, service: "{s}"}}
  annotations: {{summary: "{{{{ $labels.instance }}}} uses {{{{ $value | humanizePercentage }}}} of its memory"}}
- alert: {S}DiskWillFill
  expr: predict_linear(disk_free_bytes{{service="{s}"}}[1h], 4 * 3600) < 0
  for: 10m
  labels: {{severity: warning, service: "{s}"}}
- alert: {S}NoTraffic
  expr: sum(rate(http_requests_total{{service="{s}"}}[5m])) < 1
  for: 5m
  labels: {{severity: warning, service: "{s}"}}
- alert: {S}Flapping
  expr: changes(up{{service="{s}"}}[15m]) > 3
  labels: {{severity: warning, service: "{s}"}}
- alert: {S}Saturated
  expr: avg_over_time(memory_usage_bytes{{service="{s}"}}[30m]) > 3.5e9 and on (instance) up{{service="{s}"}} == 1
  for: 15m
  keep_firing_for: 5m
  labels: {{severity: info, service: "{s}"}}
"""

CHILD = """
import json, pathlib, statistics, sys, time
import obsflow
def memory(what):
    status = pathlib.Path("/proc/self/status").read_text().split()
    return int(status[status.index(what + ":") + 1]) / 1024
data, rules, routes, end, rounds = sys.argv[1:]
pathlib.Path("/proc/self/clear_refs").write_text("5")
routes = pathlib.Path(routes) if routes else None
files = obsflow.ScenarioFiles(data=pathlib.Path(data), rules=(pathlib.Path(rules),), alertmanager=routes)
seen = []
for _ in range(int(rounds)):
    scenario = result = None
    begin = time.perf_counter()
    scenario = obsflow.load_scenario(files, end=int(end))
    result = obsflow.run_backtest(scenario, threads=2)
    seen.append(time.perf_counter() - begin)
    peak = memory("VmHWM") if len(seen) == 1 else peak
print(json.dumps({
    "seconds": statistics.median(seen), "peak": peak, "evaluations": result.evaluations,
    "transitions": len(result.transitions), "notifications": len(result.notifications), "stepped": len(result.stepped),
    "firing": sum(each.to_state.value == "firing" for each in result.transitions),
}))
"""

Column = npt.NDArray[np.float64]


def run(rounds: int) -> list[Table]:
    root = pathlib.Path(tempfile.gettempdir()) / f"obsflow-rules-v{VERSION}"
    data, rules, routes, test = root / "data", root / "rules.yml", root / "alertmanager.yml", root / "test.yml"
    if not root.exists():
        building = root.with_name(f"{root.name}.{os.getpid()}")
        try:
            write_block(building / "data", ULID, sorted(_series(), key=lambda each: each.labels))
            (building / "rules.yml").write_text(_rules())
            (building / "alertmanager.yml").write_text(_ROUTES)
            (building / "test.yml").write_text(_test())
            building.rename(root)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    month = backtest(data, rules, None, STEPS, rounds)
    routed = backtest(data, rules, routes, STEPS, rounds)
    part = backtest(data, rules, None, SLICE_STEPS, rounds)
    rows = [
        ("a month, rules alone", *_figures(month)),
        ("a month, with routes and notifications", *_figures(routed)),
        ("a slice of one day, rules alone", *_figures(part)),
    ]
    columns = (
        "1,000 rules, every minute",
        "evaluations",
        "fired",
        "notifications",
        "time",
        "an evaluation",
        "peak memory",
    )
    tables = [Table("A month in one pass", columns, tuple(rows))]
    peers = []
    for peer in PEERS:
        if shutil.which(peer):
            seconds = statistics.median(promtool(peer, test) for _ in range(min(rounds, 3)))
            each = seconds / part["evaluations"]
            peers.append(
                (
                    f"`{version(peer)} test rules`",
                    f"{seconds:.1f} s",
                    f"{1e6 * each:.1f} µs",
                    f"{seconds / part['seconds']:.0f}",
                    f"{each / (month['seconds'] / month['evaluations']):.0f}",
                )
            )
    if peers:
        columns = (
            "the slice by",
            "time",
            "an evaluation",
            "times ours, on the slice",
            "... by evaluation of the month",
        )
        tables.append(Table("The same slice as a unit test", columns, tuple(peers)))
    return [*tables, many_rules(rounds)]


def many_rules(rounds: int) -> Table:
    """A file of ten thousand rules and a test of an hour: loaded, evaluated every minute, asserted."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        (root / "rules.yml").write_text(_many_rules())
        (root / "test.yml").write_text(_MANY_TEST)
        ours = str(pathlib.Path(sys.executable).with_name("obsflow"))
        times = {}
        for tool in (ours, *filter(shutil.which, PEERS)):
            name = "obsflow" if tool == ours else version(tool)
            times[name] = statistics.median(promtool(tool, root / "test.yml") for _ in range(min(rounds, 5)))
    ours = times["obsflow"]
    rows = tuple((f"`{name} test rules`", f"{each:.2f} s", f"{each / ours:.1f}") for name, each in times.items())
    return Table(f"A unit test of {MANY:,} rules over an hour", ("by", "time", "times ours"), rows)


def _many_rules() -> str:
    lines = ["groups:"]
    for number in range(MANY):
        if number % 100 == 0:
            lines += [f"- name: g{number}", "  rules:"]
        expr = f'requests_total{{shard="{number % 50}"}}'
        if number % 2:
            lines.append(f"  - {{record: 'shard:requests:rate5m_{number}', expr: 'sum by (job) (rate({expr}[5m]))'}}")
        else:
            lines += [
                f"  - alert: Alert{number}",
                f"    expr: rate({expr}[5m]) > {number // 2}",
                "    for: 5m",
                "    labels: {severity: warning}",
                "    annotations: {summary: '{{ $labels.shard }} has {{ $value | humanize }}'}",
            ]
    return "\n".join(lines) + "\n"


_MANY_TEST = (
    """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
"""
    + "".join(
        f"  - {{series: 'requests_total{{job=\"a\", shard=\"{i}\"}}', values: '0+{60 * i}x60'}}\n" for i in range(50)
    )
    + """
  alert_rule_test:
  - eval_time: 30m
    alertname: Alert2
    exp_alerts:
    - exp_labels: {job: a, shard: "2", severity: warning}
      exp_annotations: {summary: "2 has 2"}
  promql_expr_test:
  - {expr: 'count({__name__=~"shard:.*_1.*"})', eval_time: 1h, exp_samples: [{value: 556}]}
"""
)


def backtest(data: pathlib.Path, rules: pathlib.Path, routes: pathlib.Path | None, steps: int, rounds: int) -> dict:
    end = START_MS + (steps - 1) * MINUTE_MS
    command = [sys.executable, "-c", CHILD, str(data), str(rules), str(routes or ""), str(end), str(rounds)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def _figures(figures: dict) -> tuple[str, ...]:
    return (
        f"{figures['evaluations']:,}",
        f"{figures['firing']:,}",
        f"{figures['notifications']:,}",
        f"{figures['seconds']:.2f} s",
        f"{1e6 * figures['seconds'] / figures['evaluations']:.2f} µs",
        f"{figures['peak']:.0f} MB",
    )


def promtool(peer: str, test: pathlib.Path) -> float:
    start = time.perf_counter()
    subprocess.run([peer, "test", "rules", str(test)], check=True, capture_output=True)
    return time.perf_counter() - start


def version(peer: str) -> str:
    out = subprocess.run([peer, "--version"], check=True, capture_output=True, text=True).stdout.split()
    return f"promtool {out[2]}" if out[2][:1].isdigit() else "promtool, newer"


_ROUTES = """
route: {receiver: team, group_by: [service], routes: [{matchers: ['severity="critical"'], receiver: pager}]}
receivers:
- {name: team, webhook_configs: [{url: "http://team.example.com"}]}
- {name: pager, webhook_configs: [{url: "http://pager.example.com"}]}
"""


def _rules() -> str:
    lines = ["groups:"]
    for number in range(SERVICES):
        lines += [f"- name: s{number}", "  interval: 1m", "  rules:"]
        lines += [f"  {line}" for line in RULES.strip().format(s=f"s{number}", S=f"S{number}").split("\n")]
    return "\n".join(lines) + "\n"


def _test() -> str:
    """The slice as a unit test: it asserts nothing but that it ends."""
    lines = ["rule_files: [rules.yml]", "evaluation_interval: 1m", "tests:", "- interval: 1m", "  input_series:"]
    for series in _series(SLICE_STEPS):
        name = dict(series.labels)["__name__"]
        labels = ",".join(f'{key}="{value}"' for key, value in series.labels if key != "__name__")
        values = " ".join(f"{value:.17g}" for value in series.values.tolist())
        lines += [f"  - series: '{name}{{{labels}}}'", f"    values: '{values}'"]
    lines += ["  alert_rule_test:", f"  - {{eval_time: {SLICE_STEPS - 1}m, alertname: Nothing}}"]
    return "\n".join(lines) + "\n"


def _series(steps: int = STEPS) -> Iterator[Series]:
    for number in range(SERVICES):
        for name, more, values in _service(np.random.default_rng(number)):
            labels = {"__name__": name, "service": f"s{number}", **more}
            times = START_MS + MINUTE_MS * np.arange(steps, dtype=np.int64)
            yield Series(tuple(sorted(labels.items())), times, values[:steps])


def _service(chance: np.random.Generator) -> Iterator[tuple[str, dict[str, str], Column]]:
    day = 1 + 0.5 * np.sin(np.arange(STEPS) * 2 * np.pi / 1440)
    failing, slow, leaking = (_episodes(chance, often) for often in (8, 8, 4))
    for instance in INSTANCES:
        labels = {"instance": instance}
        down = _episodes(chance, 5, longest=20)
        there = ~down
        requests = np.round(chance.uniform(0.8, 1.2, STEPS) * 1200 * day) * there
        failed = np.round(requests * np.where(failing, 0.12, 0.002))
        yield "http_requests_total", {**labels, "status": "200"}, np.cumsum(requests - failed)
        yield "http_requests_total", {**labels, "status": "500"}, np.cumsum(failed)
        yield "up", labels, there.astype(np.float64)
        shares = np.where(slow[:, None], np.array(SHARES[::-1]), np.array(SHARES))
        counts = np.cumsum(np.round(requests[:, None] * shares), axis=0)
        for bound, column in zip(BOUNDS, np.cumsum(counts, axis=1).T, strict=True):
            yield "http_duration_seconds_bucket", {**labels, "le": bound}, np.ascontiguousarray(column)
        usage = 2e9 + 4e8 * day + np.where(leaking, 1.5e9, 0) + np.round(chance.uniform(0, 1e8, STEPS))
        yield "memory_usage_bytes", labels, usage
        yield "memory_limit_bytes", labels, np.full(STEPS, 4e9)
        yield "disk_free_bytes", labels, 2e11 - (np.arange(STEPS) % 7200) * chance.uniform(1.0e7, 2.9e7)


def _episodes(chance: np.random.Generator, count: int, longest: int = 45) -> npt.NDArray[np.bool_]:
    """When something is wrong: `count` times a month, for up to `longest` minutes."""
    wrong = np.zeros(STEPS, bool)
    for start in chance.integers(0, STEPS, count):
        wrong[start : start + chance.integers(1, longest)] = True
    return wrong

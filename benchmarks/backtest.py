"""The main job: a backtest from files to notifications, its time, its memory, and where they go."""

import json
import os
import pathlib
import subprocess
import sys

from benchmarks import Table

ROOT = pathlib.Path(__file__).resolve().parents[1]
CAPTURE = pathlib.Path(os.environ.get("OBSFLOW_SHARED", ROOT.parent / "shared")) / "captures" / "payment-incidents"

CHILD = """
import json, pathlib, statistics, sys, time
imported = time.perf_counter()
import obsflow
obsflow.load_scenario, obsflow.run_backtest
imported = time.perf_counter() - imported
from obsflow.alertmanager import Alertmanager
from obsflow.flow import backtest, played
from obsflow.rules import GroupMachine
def memory(what):
    status = pathlib.Path("/proc/self/status").read_text().split()
    return int(status[status.index(what + ":") + 1]) / 1024
before = memory("VmRSS")
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak from here on; a parent's would count otherwise
spent = {}
def timed(kind, name, label):
    call = getattr(kind, name)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            spent[label] = spent.get(label, 0.0) + time.perf_counter() - start
    setattr(kind, name, wrapper)
timed(obsflow.Engine, "query_batch", "queries")
timed(GroupMachine, "poll", "rules")
timed(played, "play", "rules")
timed(backtest, "play_group", "rules")
timed(Alertmanager, "poll", "router")
timed(Alertmanager, "receive", "router")
rounds = []
for _ in range(int(sys.argv[2])):
    spent.clear()
    t0 = time.perf_counter()
    scenario = obsflow.load_scenario(obsflow.ScenarioFiles(pathlib.Path(sys.argv[1])))
    t1 = time.perf_counter()
    result = obsflow.run_backtest(scenario)
    t2 = time.perf_counter()
    requests = list(result.requests())
    t3 = time.perf_counter()
    queries, rules, router = spent["queries"], spent["rules"], spent["router"]
    total = t2 - t1
    rounds.append([t1 - t0, queries, rules, router, total - queries - rules - router, t3 - t2, t3 - t0])
    first_peak = memory("VmHWM") if len(rounds) == 1 else first_peak
print(json.dumps({
    "import": imported, "medians": [statistics.median(column) for column in zip(*rounds)],
    "memory": first_peak, "before": before,
    "evaluations": result.evaluations, "notifications": len(result.notifications),
}))
"""


def run(rounds: int) -> list[Table]:
    tables = [measure("the example incident", ROOT / "examples" / "checkout-incident", rounds)]
    if CAPTURE.exists():
        tables.append(measure("six hours of payment incidents", CAPTURE, rounds))
    return tables


def measure(name: str, capture: pathlib.Path, rounds: int) -> Table:
    command = [sys.executable, "-c", CHILD, str(capture), str(rounds)]
    figures = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    parts = (
        "load: configuration, blocks",
        "queries, over all of the history",
        "alerts, from change to change",
        "router",
        "timeline, series written",
        "render all requests",
        "together",
    )
    rows = [(part, f"{1e3 * median:.0f} ms") for part, median in zip(parts, figures["medians"], strict=True)]
    rows.append(("memory after import, peak", f"{figures['before']:.0f} MB, {figures['memory']:.0f} MB"))
    rows.append(("import what it needs", f"{1e3 * figures['import']:.0f} ms"))
    title = f"Backtest of {name}: {figures['evaluations']} evaluations, {figures['notifications']} notifications"
    return Table(title, ("what", "median"), tuple(rows))

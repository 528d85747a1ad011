"""Writes `data/`: four hours of a checkout service on three instances, with a bad deploy in the middle.

Run it where `promtool` is installed: `python make_data.py`. The samples are drawn from a fixed seed, so the series are
always the same; promtool writes the blocks and names them.
"""

import pathlib
import random
import shutil
import subprocess
import tempfile

START = 1_789_977_600  # 2026-09-21 08:00:00 UTC, a Monday
HOURS = 4
STEP = 15
INSTANCES = ("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080")
ENDPOINTS = ("/cart", "/pay")
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
MINUTE = 60

DEPLOY = 70 * MINUTE  # a release that breaks payments on every instance
ROLLBACK = 88 * MINUTE
CRASH = 150 * MINUTE  # one instance goes away, its node with it
RETURN = 163 * MINUTE
MAINTENANCE = (190 * MINUTE, 210 * MINUTE)  # slow on purpose, and silenced


def error_ratio(second: int, endpoint: str) -> float:
    """The share of requests that fail."""
    if endpoint == "/pay" and DEPLOY <= second < ROLLBACK:
        return 0.22
    return 0.002


def latency(second: int, endpoint: str) -> float:
    """The median duration in seconds."""
    if MAINTENANCE[0] <= second < MAINTENANCE[1]:
        return 0.9
    if endpoint == "/pay" and DEPLOY + 4 * MINUTE <= second < ROLLBACK:
        return 0.55
    return 0.08


class Instance:
    """The counters of one process; they start again at zero when it does."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.labels = f'job="checkout",instance="{name}"'
        self.node = name.split(":")[0]
        self.chance = chance
        self.reset()

    def reset(self) -> None:
        """Start again."""
        self.requests = {(e, c): 0 for e in ENDPOINTS for c in ("200", "404", "500")}
        self.buckets = {(e, le): 0 for e in ENDPOINTS for le in (*BOUNDS, float("inf"))}
        self.sums = dict.fromkeys(ENDPOINTS, 0.0)

    def work(self, second: int) -> None:
        """Serve one interval's requests."""
        for endpoint in ENDPOINTS:
            count = round(self.chance.gauss(300 if endpoint == "/cart" else 120, 12))
            failed = sum(self.chance.random() < error_ratio(second, endpoint) for _ in range(count))
            missing = sum(self.chance.random() < 0.01 for _ in range(count - failed))
            for code, n in (("200", count - failed - missing), ("404", missing), ("500", failed)):
                self.requests[endpoint, code] += n
            for _ in range(count):
                took = latency(second, endpoint) * self.chance.lognormvariate(0, 0.6)
                self.sums[endpoint] += took
                for le in (*BOUNDS, float("inf")):
                    self.buckets[endpoint, le] += took <= le

    def samples(self) -> list[tuple[str, str, float]]:
        """(family, series, value) of everything it exposes."""
        out = [
            ("http_requests", f'http_requests_total{{{self.labels},endpoint="{e}",status="{c}"}}', v)
            for (e, c), v in self.requests.items()
        ]
        name = "http_request_duration_seconds"
        for (e, le), v in self.buckets.items():
            bound = "+Inf" if le == float("inf") else str(le)
            out.append((name, f'{name}_bucket{{{self.labels},endpoint="{e}",le="{bound}"}}', v))
        for e in ENDPOINTS:
            total = self.buckets[e, float("inf")]
            out.append((name, f'{name}_count{{{self.labels},endpoint="{e}"}}', total))
            out.append((name, f'{name}_sum{{{self.labels},endpoint="{e}"}}', round(self.sums[e], 3)))
        return out


def collect() -> dict[str, list[str]]:
    """OpenMetrics lines by family, each series in order of time."""
    chance = random.Random(20260921)
    instances = [Instance(name, chance) for name in INSTANCES]
    lines: dict[str, dict[str, list[str]]] = {}

    def put(family: str, series: str, value: float, second: float) -> None:
        lines.setdefault(family, {}).setdefault(series, []).append(f"{series} {value} {START + second:.3f}")

    for second in range(0, HOURS * 3600, STEP):
        for number, instance in enumerate(instances):
            at = second + 2.417 + 3.1 * number
            down = number == 1 and CRASH <= second < RETURN
            put("up", f"up{{{instance.labels}}}", 0 if down else 1, at)
            put("node_up", f'node_up{{job="node",node="{instance.node}"}}', 0 if down else 1, at)
            if down:
                instance.reset()
                continue
            instance.work(second)
            for family, series, value in instance.samples():
                put(family, series, value, at)
    return {family: [line for series in by.values() for line in series] for family, by in lines.items()}


TYPES = {"http_requests": "counter", "http_request_duration_seconds": "histogram", "up": "gauge", "node_up": "gauge"}


def main() -> None:
    """Write the text, let promtool make blocks of it."""
    target = pathlib.Path(__file__).parent / "data"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om") as text:
        for family, lines in collect().items():
            text.write(f"# TYPE {family} {TYPES[family]}\n" + "\n".join(lines) + "\n")
        text.write("# EOF\n")
        text.flush()
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", text.name, str(target)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()

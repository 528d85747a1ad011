"""Alerts take the routes that `amtool config routes test` of the newest Alertmanager names."""

import random
import subprocess

import pytest
import yaml

from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import ALERTMANAGER
from obsflow.model.labels import Labels
from tests.external import newest_alertmanager

NAMES = ("team", "größe", "a b", "c.d", "severity")
VALUES = ("x", "y z", "warning", "é", '"', "x,y", "{}", "a\\b", "")
PATTERNS = ("x|y z", "[a-z]+", ".+", ".*", "é", "w.*g", "")
RECEIVERS = 6
TREES, ALERTS = 12, 12


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def make_matcher(chance):
    operator = chance.choice(("=", "=", "!=", "=~", "!~"))
    return f"{quote(chance.choice(NAMES))}{operator}{quote(chance.choice(PATTERNS if '~' in operator else VALUES))}"


def make_route(chance, depth):
    route = {"receiver": f"r{chance.randrange(RECEIVERS)}"}
    if depth < 3:
        route["matchers"] = [make_matcher(chance) for _ in range(chance.randrange(3))]
        route["continue"] = chance.random() < 0.4
        if chance.random() < 0.2:
            route["match"] = {"severity": chance.choice(VALUES)}
            route["match_re"] = {"team": chance.choice(PATTERNS)}
    if depth:
        route["routes"] = [make_route(chance, depth - 1) for _ in range(chance.randrange(1, 4))]
    return route


@pytest.mark.parametrize("seed", range(TREES))
def test_the_same_receivers(seed, tmp_path):
    """For random trees and labels, some of whose names and values are anything but words."""
    program, chance = newest_alertmanager("amtool"), random.Random(seed)
    file = tmp_path / "alertmanager.yml"
    config = {"route": make_route(chance, 3), "receivers": [{"name": f"r{i}"} for i in range(RECEIVERS)]}
    file.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    root = load_alertmanager(file.read_text("utf-8"), compat=ALERTMANAGER).route
    for _ in range(ALERTS):
        labels = {name: chance.choice(VALUES[:-1]) for name in NAMES if chance.random() < 0.7}
        pairs = [f"{quote(name)}={quote(value)}" for name, value in labels.items()]
        command = [program, "config", "routes", "test", f"--config.file={file}", *pairs]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        expected = [route.receiver for route in root.match(Labels(labels))]
        assert done.stdout.rstrip("\n").split(",") == expected, (config, labels)

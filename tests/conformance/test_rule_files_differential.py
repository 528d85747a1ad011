"""Rule files are accepted and refused as `promtool check rules` accepts and refuses them."""

import itertools
import json
import random
import re
import subprocess

import pytest

from obsflow.errors import ConfigError
from obsflow.rules import load_rules
from tests.external import tool

FILES = 2000
NEW_IN_3 = {
    "query_offset": "the query offset of a group",
    "group labels": "labels of a group",
    "UTF-8 names": "metric, label and annotation names of any characters",
    "functions": "toDuration, urlQueryEscape",
    "null names": "`record: null` is no name",
}
"""What promtool 2 judges differently, by name."""
OURS = {
    "Thanos": "groups may say `partial_response_strategy`, which Thanos reads",
    "group templates": "labels of a group are checked as templates too; Prometheus notices when an alert fires",
}
"""What we judge differently on purpose, by name."""

DURATIONS = ["0", "0s", "5m", "1h30m", "100ms", "1d", "'5m'", "~", "null", "292y"]
NO_DURATIONS = ["5", "1.5h", "-5m", "30m1h", "''", "5 m", "[5m]", "{a: b}", "true", "300y", "5M"]
LIMITS = ["0", "5", "-5", "1.5", "017", "0x10", "1_000", "1e3", "~"]
NO_LIMITS = ["many", "'5'", "''", "true", "[1]", "{}", "9223372036854775808", "_1"]
TEMPLATES = [
    "{{ $value }}",
    "{{ $labels.a | toUpper }}",
    "{{ .Foo }}",
    "{{ query `up` | first | value }}",
    "{{ range .Labels }}{{ break }}{{ end }}",
    "}}",
    "{{/* c */}}",
    "{{- printf `%d` -}}",
    "{{ with $x := 1 }}{{ $x }}{{ end }}",
    "{{ define `x` }}{{ end }}{{ template `x` }}",
    "{{ reReplaceAll `(` `a` `b` }}",
]
NO_TEMPLATES = [
    "{{ nope }}",
    "{{ $x }}",
    "{{ if }}",
    "{{",
    "{{ end }}",
    "{{ $label.a }}",
    "{{ $value * 1 }}",
    "{{ 1|2 }}",
]
EXPRESSIONS = ["up", "up == 0", "1", "'sum by (job) (rate(x[5m]))'", "'up # c'", "'up[5m]'", "'\"x\"'", "true"]
NO_EXPRESSIONS = ["''", "~", "'up =='", "'rate(up)'", "[up]", "{a: b}", "'# c'", "'up{a=}'", "*nothing"]
STRAY = ["expression: up", "records: a", "annotation: {a: b}", "Expr: up", "keep_firing: 1m", "5: b"]


def json_all(texts):
    return [json.dumps(text) for text in texts]


SOUND, DAMAGED = "sound", "damaged"
# field → values; each is YAML and, after it, the names of the differences that it touches
RULE = {
    "for": {SOUND: DURATIONS, DAMAGED: NO_DURATIONS},
    "keep_firing_for": {SOUND: DURATIONS, DAMAGED: NO_DURATIONS},
    "labels": {
        SOUND: [
            *("{}", "~", "{a: b}", "{a: ''}", "{a: ~, b: 5}", "{<<: {a: b}, c: d}", "{__x__: b}", "{alertname: x}"),
            *(f"{{a: {text}}}" for text in json_all(TEMPLATES)),
            *(("{a-b: c}", "UTF-8 names"), ("{é: c}", "UTF-8 names"), ("{5: c}", "UTF-8 names")),
            ('{a: "{{ toDuration 1 }}"}', "functions"),
        ],
        DAMAGED: [
            *("[a]", "a", "{__name__: b}", "{'': b}", "{a: [b]}", "{a: {b: c}}", "{a: b, a: c}", "{[a]: b}"),
            *(f"{{a: {text}}}" for text in json_all(NO_TEMPLATES)),
        ],
    },
    "annotations": {
        SOUND: [
            *("{}", "~", "{a: b}", "{a: ~}"),
            *(f"{{a: {text}}}" for text in json_all(TEMPLATES)),
            *(("{a b: c}", "UTF-8 names"), ("{0a: c}", "UTF-8 names")),
            ('{a: "{{ urlQueryEscape `a` }}"}', "functions"),
        ],
        DAMAGED: [
            *("[a]", "a", "{'': b}", "{a: [b]}"),
            *(f"{{a: {text}}}" for text in json_all(NO_TEMPLATES)),
        ],
    },
}
RECORDS = {
    SOUND: ["r", "a:b", ("5", "UTF-8 names"), ("'a b'", "UTF-8 names"), ("é", "UTF-8 names")],
    DAMAGED: ["''", "[r]", "{a: b}", "'r{a=\"b\"}'", "'a}'", ("~", "null names"), "*nothing"],
}
ALERTS = {
    SOUND: ["A", "a b", "5", "é", "'{{ x }}'"],
    DAMAGED: ["''", "[A]", "{a: b}", ("null", "null names")],
}
GROUP = {
    "interval": {SOUND: DURATIONS, DAMAGED: NO_DURATIONS},
    "limit": {SOUND: LIMITS, DAMAGED: NO_LIMITS},
    "query_offset": {
        SOUND: [(text, "query_offset") for text in DURATIONS],
        DAMAGED: [(text, "query_offset") for text in NO_DURATIONS],
    },
    "labels": {
        SOUND: [(text, "group labels") for text in ("{}", "~", "{a: b}", "{a: ~}", '{a: "{{ $value }}"}', "{é: b}")],
        DAMAGED: [
            *((text, "group labels") for text in ("[a]", "{__name__: a}", "{'': b}", "{a: [b]}")),
            ('{a: "{{ nope }}"}', "group templates"),
        ],
    },
    "rules": {SOUND: ["~", "[]", "[~]"], DAMAGED: ["a", "{}", "{a: b}", "[a]", "[[]]", "[{}]"]},
    "name": {SOUND: ["g", "'g h'", "5"], DAMAGED: ["''", "~", "[g]", "{}"]},
    "partial_response_strategy": {SOUND: [("warn", "Thanos")], DAMAGED: []},
    "rule": {SOUND: [], DAMAGED: ["[]", "~"]},
}
FILE = {
    SOUND: [
        *("", "groups:", "groups: []", "groups: [~]", "# c", "~", "groups: []\n---\nx: y", "groups: [{name: a}]"),
        "groups: [{name: a, rules: [&r {record: &n x, expr: up}, {<<: *r, record: y}, {alert: *n, expr: up}]}]",
        "groups: [{name: a, rules: [{<<: [{record: a}, {expr: b}]}]}]",
    ],
    DAMAGED: [
        "groups: {}",
        "groups: a",
        "[]",
        "a",
        "5",
        "group: []",
        "groups: [a]",
        "groups: [{}]",
        "groups: []\n\tx",
        "groups: *a",
    ],
}


class Writer:
    """Writes a file of sound parts, one of them damaged now and then; `touched` names the differences it is about."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.touched = set()
        self.is_damaged = False

    def pick(self, values):
        damage = bool(values[DAMAGED]) and (not values[SOUND] or (not self.is_damaged and self.random.random() < 0.04))
        self.is_damaged |= damage
        value = self.random.choice(values[DAMAGED if damage else SOUND])
        text, *touched = (value,) if isinstance(value, str) else value
        self.touched.update(touched)
        return text

    def chance(self, of):
        return self.random.random() < of

    def file(self):
        if self.chance(0.05):
            return self.pick({**FILE, DAMAGED: FILE[DAMAGED] if self.chance(0.5) else []})
        names = ["g0", "g0" if self.chance(0.1) else "g1"][: self.random.randint(1, 2)]
        lines = [line for name in names for line in self.group(name)]
        return "groups:\n" + "".join(f"{line}\n" for line in lines)

    def group(self, name):
        fields = {"name": name}
        for field, values in GROUP.items():
            likely = {"name": 0.05, "rules": 0.05, "rule": 0.01, "labels": 0.1, "query_offset": 0.1}
            if self.chance(likely.get(field, 0.2)):
                fields[field] = self.pick(values)
        head = [f"  {field}: {text}" for field, text in fields.items()]
        head[0] = "- " + head[0][2:]
        if "rules" in fields:
            return head
        rules = [line for _ in range(self.random.randint(1, 3)) for line in self.rule()]
        return [*head, "  rules:", *rules]

    def rule(self):
        fields = {}
        is_alert = self.chance(0.6)
        if is_alert:
            fields["alert"] = self.pick(ALERTS)
        if not is_alert or self.chance(0.02):
            fields["record"] = self.pick(RECORDS)
        if self.chance(0.98):
            fields["expr"] = self.pick({SOUND: EXPRESSIONS, DAMAGED: NO_EXPRESSIONS})
        allowed = RULE if is_alert or self.chance(0.05) else {"labels": RULE["labels"]}
        fields.update({field: self.pick(values) for field, values in allowed.items() if self.chance(0.25)})
        lines = [f"    {field}: {text}" for field, text in fields.items()]
        lines += [f"    {self.random.choice(STRAY)}"] * self.chance(0.01)
        return ["  - " + lines[0][4:], *lines[1:]]


def written():
    """(text, names of the differences) of each file; the same in every run."""
    for seed in range(FILES):
        writer = Writer(seed)
        yield writer.file(), writer.touched


def verdicts(promtool, folder, texts):
    """Whether promtool accepts each text."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number:04}.yml")
        paths[-1].write_text(text, encoding="utf-8")
    done = subprocess.run(
        [promtool, "check", "rules", "--lint=none", *map(str, paths)], capture_output=True, text=True, check=False
    )
    told = re.split(r"^Checking .*$", done.stdout, flags=re.MULTILINE)[1:]
    assert len(told) == len(texts)
    return ["SUCCESS" in each for each in told]


def problems(text):
    try:
        load_rules(text, "f")
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The files, ours and theirs, and the differences that this version of promtool has."""
    promtool = tool("promtool")
    version = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=False)
    is_old = re.search(r"version [012]\.", version.stdout + version.stderr) is not None
    known = {**OURS, **(NEW_IN_3 if is_old else {})}
    files = list(written())
    theirs = verdicts(promtool, tmp_path_factory.mktemp("rules"), [text for text, _ in files])
    ours = [problems(text) for text, _ in files]
    return list(zip(files, theirs, ours, strict=True)), known


def test_the_same_files_are_accepted(compared):
    """Sound and damaged files alike, but for the named differences."""
    files, known = compared
    wrong = [
        (text, "accepted" if accepts else "refused", found)
        for (text, touched), accepts, found in files
        if accepts is bool(found) and not touched & known.keys()
    ]

    assert wrong == []


def test_both_verdicts_are_compared_often(compared):
    """Many files are left of either kind, and every named difference occurs."""
    files, known = compared
    kinds = [accepts for (_, touched), accepts, _ in files if not touched & known.keys()]

    assert min(kinds.count(True), kinds.count(False)) > 100
    assert set(itertools.chain.from_iterable(touched for (_, touched), _, _ in files)) == {*OURS, *NEW_IN_3}


def test_every_problem_is_in_its_file(compared):
    """Line and column are those of a character that is there."""
    files, _ = compared
    for (text, _), _, found in files:
        lines = [*text.split("\n"), ""]
        for problem in found:
            line, column = map(int, problem.split(":")[1:3])
            assert 1 <= column <= len(lines[line - 1]) + 1

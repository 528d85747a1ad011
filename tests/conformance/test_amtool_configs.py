"""Configurations that the newest `amtool check-config` accepts are loaded here, and what it refuses is refused."""

import random
import re
import subprocess

import yaml

from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import ALERTMANAGER
from obsflow.errors import ConfigError
from tests.conformance.amtool_configs import damage, make_config
from tests.external import newest_alertmanager

COUNT = 400
_FILE = re.compile(r"^Checking '[^']*'", re.MULTILINE)


class _Dumper(yaml.SafeDumper):
    """Writes out what occurs twice."""

    def ignore_aliases(self, data):  # noqa: ARG002 - the way to say so
        return True


def verdicts_of_amtool(directory, texts):
    """What is wrong with each file in its view, None where nothing is."""
    paths = []
    for i, text in enumerate(texts):
        paths.append(directory / f"{i}.yml")
        paths[-1].write_text(text, "utf-8")
    program = newest_alertmanager("amtool")
    done = subprocess.run([program, "check-config", *paths], capture_output=True, text=True, check=False, timeout=120)
    said = _FILE.split(done.stdout)[1:]
    assert len(said) == len(texts), done.stdout + done.stderr
    return [each.partition("FAILED: ")[2].strip() or None for each in said]


def verdict_here(text):
    """The same of this loader."""
    try:
        load_alertmanager(text, compat=ALERTMANAGER)
    except ConfigError as error:
        return str(error)
    return None


def disagreements(directory, texts):
    """Files on which the two differ, with what each says."""
    theirs = verdicts_of_amtool(directory, texts)
    ours = [verdict_here(text) for text in texts]
    found = [
        f"{text}\nhere: {our}\namtool: {their}"
        for text, our, their in zip(texts, ours, theirs, strict=True)
        if (our is None) != (their is None)
    ]
    return found, sum(each is not None for each in theirs)


def write(config):
    """A configuration as text."""
    return yaml.dump(config, Dumper=_Dumper, allow_unicode=True, sort_keys=False)


def test_valid_files_are_loaded(tmp_path):
    """Whatever a file uses of what there is, both take it."""
    chance = random.Random(0)
    found, refused = disagreements(tmp_path, [write(make_config(chance)) for _ in range(100)])
    assert not found, found[0]
    assert not refused


def test_damaged_files_are_judged_alike(tmp_path):
    """A file with one thing changed is still fine for both, or for neither."""
    chance = random.Random(1)
    found, refused = disagreements(tmp_path, [write(damage(chance, make_config(chance))) for _ in range(COUNT)])
    assert not found, f"{len(found)} differ, such as\n{found[0]}"
    assert COUNT // 5 < refused < COUNT * 4 // 5

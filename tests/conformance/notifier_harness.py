"""Alertmanager's own notifiers, built from their module where Go is: what they send, and how they read answers."""

import contextlib
import functools
import hashlib
import json
import os
import pathlib
import subprocess

import attrs
import pytest

from tests.external import tool

_SOURCES = pathlib.Path(__file__).parent / "notifiers"
_BUILD_S = 600


@attrs.frozen
class Told:
    """What came of a case: the requests, and what the notifier made of the answers."""

    invalid: str
    requests: tuple[dict, ...]
    delivered: bool
    retry: bool
    delay_ms: int
    failure: str
    error: str
    stored: dict[str, str]


@attrs.frozen
class Harness:
    """A process with every notifier. `version` is Alertmanager's, `keys` the keys of each list of a receiver."""

    process: subprocess.Popen
    version: str
    smarthost: str
    hostname: str
    keys: dict[str, list[str]]

    def run(self, case):
        """Delivers one notification (a mapping, as `Case` of the Go side)."""
        self.process.stdin.write(json.dumps(case, ensure_ascii=False) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return Told(**{**answer, "requests": tuple(answer["requests"] or ()), "stored": answer["stored"] or {}})


@contextlib.contextmanager
def harness():
    """Yields a running one. Skips where Go or the module is missing."""
    with subprocess.Popen([_program()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Harness(process, **json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


@functools.cache
def _program():
    """The program, built once for each state of its sources; the compiled modules are those of `make peers`."""
    go = tool("go")
    sources = sorted(_SOURCES.iterdir())
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()[:16]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "obsflow"
    program = pathlib.Path(os.environ.get("OBSFLOW_PEERS") or cache) / "notifiers" / digest
    if program.exists():
        return program
    environment = {**os.environ, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}

    def run(*arguments):
        return subprocess.run(
            [go, *arguments],
            check=False,
            cwd=_SOURCES,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_BUILD_S,
        )

    if (listed := run("list", "-deps", ".")).returncode:
        pytest.skip(f"Alertmanager's module is not in Go's cache: {listed.stderr.strip().splitlines()[-1]}")
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(f".{os.getpid()}")
    built = run("build", "-buildvcs=false", "-o", str(unfinished), ".")
    assert built.returncode == 0, built.stderr
    unfinished.rename(program)
    return program

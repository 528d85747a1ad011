"""The package as its users get it."""

import pathlib
import subprocess
import sys
import zipfile

import obsflow

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_a_wheel_is_built_from_the_sdist_and_works(tmp_path):
    """The source distribution has everything that a wheel needs, and the wheel everything that a query needs."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]

    (wheel,) = tmp_path.glob("*.whl")
    if not hasattr(sys, "_is_gil_enabled") or sys._is_gil_enabled():
        assert "-cp311-abi3-" in wheel.name
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    names = {path.name for path in (target / "obsflow").iterdir()}
    assert {"py.typed", "_kernels.abi3.so"} <= names

    code = (
        "import obsflow, pathlib; store = obsflow.TSDB(); store.append({'__name__': 'x'}, 1000, 2.0);"
        "print(pathlib.Path(obsflow.__file__).parent, obsflow.Engine(store).query('x * 21', 1000).vector())"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{target / 'obsflow'} [(Labels({{}}), 42.0)]\n", done.stderr


def test_every_public_name_is_there():
    """Names are imported when they are asked for; none is missing, and there are no others."""
    assert set(obsflow.__all__) == set(obsflow._ORIGINS)
    assert [name for name in obsflow.__all__ if getattr(obsflow, name) is None] == []
    assert set(obsflow.__all__) <= set(dir(obsflow))
    assert not hasattr(obsflow, "nothing_of_that_name")

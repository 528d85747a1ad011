"""`obsflow tsdb verify` and `repair`: every damage is found, and what is sound stays."""

import json
import pathlib
import shutil

import pytest
from tests.tsdb import writer
from tests.tsdb.contents import everything

import obsflow
from obsflow.cli.main import main

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"
DATA = EXAMPLE / "data"
BLOCKS = sorted(path.name for path in DATA.iterdir())


@pytest.fixture
def data(tmp_path):
    """A copy of the example's data that a test may damage."""
    return pathlib.Path(shutil.copytree(DATA, tmp_path / "data"))


def run(capsys, *arguments):
    code = main(["tsdb", *map(str, arguments)])
    return code, *capsys.readouterr()


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


DAMAGES = {
    "a flipped bit in a chunk": lambda block: flip(block / "chunks" / "000001", 5000),
    "a flipped bit in the length of a chunk": lambda block: flip(block / "chunks" / "000001", 8),
    "a cut segment": lambda block: truncate(block / "chunks" / "000001", 20_000),
    "no segment": lambda block: (block / "chunks" / "000001").unlink(),
    "a flipped bit in a symbol": lambda block: flip(block / "index", 40),
    "a flipped bit in a series": lambda block: flip(block / "index", 2500),
    "a flipped bit in the postings": lambda block: flip(block / "index", -1200),
    "a flipped bit in the table of contents": lambda block: flip(block / "index", -20),
    "a cut index": lambda block: truncate(block / "index", 3000),
    "no index": lambda block: (block / "index").unlink(),
    "a flipped bit in the tombstones": lambda block: flip(block / "tombstones", 6),
    "a count in the meta": lambda block: replace(block / "meta.json", "37440", "37441"),
    "no meta": lambda block: (block / "meta.json").unlink(),
}


def truncate(path, size):
    path.write_bytes(path.read_bytes()[:size])


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_sound_data_is_sound(capsys):
    """The exit code is 0, and each part is told in numbers."""
    code, out, err = run(capsys, "verify", DATA)

    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "head: sound, empty"
    assert out.startswith(f"{BLOCKS[0]}: sound, 78 series, 312 chunks, 37440 samples, ")


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_repaired(capsys, data, name):
    """The exit code is 1 and the file named; after the repair all is sound, and what is left was there before."""
    original = everything(obsflow.open(DATA))
    DAMAGES[name](data / BLOCKS[0])
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    code, out, _ = run(capsys, "verify", data)
    assert code == 1
    assert f"{BLOCKS[0]}: damaged" in out
    assert f"{BLOCKS[1]}: sound" in out

    dry = run(capsys, "repair", data, "--dry-run")
    assert (dry[0], {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}) == (0, before)
    assert f"{BLOCKS[0]}: put aside as {BLOCKS[0]}.corrupt" in dry[1]
    assert run(capsys, "repair", data)[0] == 0

    assert run(capsys, "verify", data)[0] == 0
    assert run(capsys, "repair", data) == (0, "nothing is damaged\n", "")
    aside = data / f"{BLOCKS[0]}.corrupt"
    assert {path.relative_to(aside) for path in aside.rglob("*") if path.is_file()} == {
        path.relative_to(data / BLOCKS[0]) for path in before if path.is_relative_to(data / BLOCKS[0])
    }
    for labels, samples in everything(obsflow.open(data)).items():
        assert set(samples) <= set(original[labels])


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("a flipped bit in a chunk", 37440 - 120),
        ("a flipped bit in the postings", 37440),
        ("a flipped bit in the table of contents", 37440),
        ("a flipped bit in the tombstones", 37440),
        ("no meta", 37440),
        ("no index", 0),
        ("no segment", 0),
    ],
)
def test_a_repair_loses_no_more_than_the_damage(capsys, data, name, left):
    """What can be told from the rest is made anew."""
    shutil.rmtree(data / BLOCKS[1])
    DAMAGES[name](data / BLOCKS[0])
    run(capsys, "repair", data)
    (data / "wal").mkdir(exist_ok=True)

    assert sum(map(len, everything(obsflow.open(data)).values())) == left


def test_a_repair_keeps_what_is_deleted_deleted(capsys, tmp_path):
    """Tombstones go with the series, whose number is another."""
    series = [({"a": str(i)}, [[(t, 1.0) for t in range(5)]]) for i in range(3)]
    block = writer.write_block(tmp_path, BLOCKS[0], series, stones=[({"a": "2"}, 1, 3)])
    expected = everything(obsflow.open(tmp_path))
    first = next(labels for labels in expected if labels["a"] == "0")
    segment = block / "chunks" / "000001"
    flip(segment, 12)
    assert run(capsys, "repair", tmp_path)[0] == 0

    del expected[first]
    assert everything(obsflow.open(tmp_path)) == expected


def test_a_log_is_verified_and_repaired(capsys, tmp_path):
    """A damaged record is lost, the others stay, and a copy of the segment is kept."""
    log = tmp_path / "wal"
    log.mkdir()
    samples = [writer.samples_record([(1, 10 * t, float(t))]) for t in range(5)]
    data = bytearray(writer.segment([writer.series_record([(1, {"a": "b"})]), *samples]))
    at = bytes(data).index(samples[2])
    data[at + 20] ^= 1
    (log / "00000000").write_bytes(data)
    code, out, _ = run(capsys, "verify", tmp_path, "--format", "json")
    record = json.loads(out)

    assert (code, record["is_sound"]) == (1, False)
    assert record["parts"][0]["lost"]["records"] == 1
    (problem,) = record["parts"][0]["problems"]
    assert problem == {
        "file": str(log / "00000000"), "offset": at - 7, "message": "checksum of a fragment does not match",
    }  # fmt: skip
    code, out, _ = run(capsys, "repair", tmp_path, "--format", "json")
    assert (code, [each["lost"]["records"] for each in json.loads(out)["repairs"]]) == (0, [1])
    assert run(capsys, "verify", tmp_path)[0] == 0
    assert [path.read_bytes() for path in log.glob("*.corrupt")] == [bytes(data)]
    ((times, *_),) = [[[t for t, _ in each]] for each in everything(obsflow.open(tmp_path)).values()]
    assert times == [0, 10, 30, 40]


def test_a_torn_end_is_no_damage(capsys, tmp_path):
    """What was being written when the writer died is a note; a repair cuts it off."""
    log = tmp_path / "wal"
    log.mkdir()
    whole = writer.segment([writer.series_record([(1, {"a": "b"})])])
    (log / "00000000").write_bytes(whole + writer.segment([writer.samples_record([(1, 1, 1.0)])])[:-3])
    code, out, _ = run(capsys, "verify", tmp_path)

    assert code == 0
    assert f"offset {len(whole)}: " in out
    assert "bytes of a record that was being written when it ended" in out
    assert "cut off" in run(capsys, "repair", tmp_path)[1]
    assert (log / "00000000").read_bytes() == whole


def test_no_more_places_are_named_than_wanted(capsys, data):
    """A cut segment has hundreds; JSON has them all."""
    truncate(data / BLOCKS[0] / "chunks" / "000001", 20_000)
    text = run(capsys, "verify", data, "--limit", 3)[1].splitlines()
    problems = json.loads(run(capsys, "verify", data, "--format", "json")[1])["parts"][0]["problems"]

    assert sum(line.startswith("    ") for line in text) == 4
    assert f"    and {len(problems) - 3} more" in text

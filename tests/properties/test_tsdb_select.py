"""However samples are spread over blocks, head and memory, a selection is what a filter of all samples gives."""

import itertools

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tsdb import writer
from tests.tsdb.contents import EVER, Contents, block_files, contents, directory, everything, log

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.errors import StateError
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, File, HeadFiles
from obsflow.tsdb.memory import TSDB

names = st.sampled_from(["__name__", "job", "zone", "Zone"])
texts = st.sampled_from(["a", "b", "ab", "é", "x.y"])
label_sets = st.dictionaries(names, texts, min_size=1, max_size=4)
values = st.floats(width=64) | st.sampled_from([0.0, -0.0, 1.0])
times = st.integers(-200, 200)
chunks = st.lists(st.tuples(times, values), min_size=1, max_size=8, unique_by=lambda sample: sample[0]).map(sorted)
stores = st.lists(st.tuples(label_sets, st.lists(chunks, min_size=1, max_size=3)), min_size=1, max_size=5)
matchers = st.lists(
    st.builds(
        Matcher,
        names | st.just("absent"),
        st.sampled_from(list(MatchOp)),
        st.sampled_from(["", "a", "b", "a|b", ".*", ".+", "a.*", "x.y", "nothing", "a|"]),
    ),
    max_size=3,
)
intervals = st.tuples(times, times)


def distinct(series):
    """Each label set once, its chunks one after another in time, as a block has them."""
    out = {}
    for labels, parts in series:
        merged = dict(sorted(itertools.chain(*reversed(parts))))
        size = max(1, len(merged) // len(parts))
        samples = sorted(merged.items())
        out[Labels(labels)] = (labels, [samples[i : i + size] for i in range(0, len(samples), size)])
    return list(out.values())


def expected(series) -> dict[Labels, dict[int, int]]:
    return {
        Labels(labels): {time: writer.bits_of(value) for chunk in parts for time, value in chunk}
        for labels, parts in series
    }


def spelled(store: dict[Labels, dict[int, int]]) -> Contents:
    return {labels: sorted(samples.items()) for labels, samples in store.items() if samples}


def check_selection(found: Contents, store: Contents, matchers_, start: int, end: int) -> None:
    """All samples within the interval are there, of these series and no others."""
    for labels, samples in store.items():
        wanted = [(time, bits) for time, bits in samples if start <= time <= end]
        if all(matcher.matches_labels(labels) for matcher in matchers_):
            within = [(time, bits) for time, bits in found.get(labels, []) if start <= time <= end]
            assert within == wanted
        else:
            assert labels not in found
    assert set(found) <= set(store)


def block(series, ulid: str, stones: bytes | None = None) -> BlockFiles:
    files = block_files(series, stones=stones)
    return attrs.evolve(files, meta=File("meta.json", writer.meta(ulid, -1000, -500)))


@settings(max_examples=60, deadline=None)
@given(stores, matchers, intervals)
def test_one_block(series, matchers_, interval):
    """A block answers as a filter of its samples."""
    series = distinct(series)
    database = Database.open(directory(block(series, "A")), decompress_zstd)
    found = contents(database.select(matchers_, *interval))
    check_selection(found, spelled(expected(series)), matchers_, *interval)


@settings(max_examples=60, deadline=None)
@given(st.lists(stores, min_size=1, max_size=3), stores, matchers, intervals)
def test_blocks_and_head(blocks, logged, matchers_, interval):
    """Blocks that overlap and a head are one store, in which the first to have a time keeps it."""
    blocks = [distinct(series) for series in blocks]
    logged = distinct(logged)
    files = [block(series, f"{i}") for i, series in enumerate(blocks)]
    records = [writer.series_record([(i, labels)]) for i, (labels, _) in enumerate(logged)]
    records += [
        writer.samples_record([(i, time, value) for time, value in chunk])
        for i, (_, parts) in enumerate(logged)
        for chunk in parts
    ]
    in_log = {labels: {t: v for t, v in each.items() if t >= -500} for labels, each in expected(logged).items()}
    union: dict[Labels, dict[int, int]] = {}
    for store in (in_log, *(expected(series) for series in reversed(blocks))):
        for labels, samples in store.items():
            union.setdefault(labels, {}).update(samples)
    database = Database.open(directory(*files, head=HeadFiles(wal=log(writer.segment(records)))), decompress_zstd)
    assert everything(database) == spelled(union)
    assert database.series_count == len(union)
    check_selection(contents(database.select(matchers_, *interval)), spelled(union), matchers_, *interval)


@settings(max_examples=60, deadline=None)
@given(stores, st.lists(st.tuples(st.integers(0, 4), times, times), max_size=4))
def test_deletions(series, deletions):
    """What tombstones cover is gone, and nothing else is."""
    series = sorted(distinct(series), key=lambda each: sorted(each[0].items()))
    references = writer.series_references(block_files(series).index.data, len(series))
    stones = [(references[i], first, last) for i, first, last in deletions if i < len(series)]
    database = Database.open(directory(block(series, "A", writer.tombstones(stones))), decompress_zstd)
    store = expected(series)
    for i, first, last in deletions:
        if i < len(series):
            samples = store[Labels(series[i][0])]
            for time in [time for time in samples if first <= time <= last]:
                del samples[time]
    assert everything(database) == spelled(store)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(label_sets, times, values), max_size=40), matchers, intervals)
def test_memory(appended, matchers_, interval):
    """A store in memory keeps what came in order, refuses the rest, and answers as a filter of it."""
    store = TSDB()
    model: dict[Labels, dict[int, int]] = {}
    for labels, time, value in appended:
        samples = model.setdefault(Labels(labels), {})
        newest = max(samples, default=-1000)
        accepted = time > newest or (time == newest and samples[time] == writer.bits_of(value))
        try:
            store.append(labels, time, value)
        except StateError:
            assert not accepted
        else:
            assert accepted
            samples[time] = writer.bits_of(value)
    assert everything(store) == spelled(model)
    check_selection(contents(store.select(matchers_, *interval)), spelled(model), matchers_, *interval)
    assert contents(store.select((), *EVER)) == spelled(model)

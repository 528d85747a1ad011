import concurrent.futures
import sys

import pytest

from obsflow.model.frames import Symbols


def test_ids():
    """A string keeps its id; the empty string has 0, an unknown one has none."""
    symbols = Symbols()
    assert [symbols.intern(text) for text in ("", "a", "b", "a")] == [0, 1, 2, 1]
    assert (symbols.find("b"), symbols.find("c"), symbols[2]) == (2, -1, "b")
    assert len(symbols) == 3


@pytest.fixture
def _hasty():
    """Threads that take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_hasty")
def test_threads_that_intern_at_once():
    """However threads take turns, each string has one id and each id one string."""
    symbols = Symbols()
    texts = [str(i) for i in range(3000)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: [symbols.intern(text) for text in part], [texts, texts[::-1]] * 4))
    ids = [symbols.find(text) for text in texts]
    assert len(set(ids)) == len(texts)
    assert [symbols[i] for i in ids] == texts
    assert all(part in (ids, ids[::-1]) for part in found)
    assert max(ids) < len(symbols)

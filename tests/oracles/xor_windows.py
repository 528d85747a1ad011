"""XOR chunks with chosen windows: their lengths, and the shortest of all ways to choose, one after another."""

import itertools

from tests.oracles import xor


def zeros(x):
    """Leading zeros, at most 31, and trailing zeros of a change."""
    text = xor.field(x, 64)
    return min(31, len(text) - len(text.lstrip("0"))), len(text) - len(text.rstrip("0"))


def changes(value_bits):
    """The XORs that are not zero."""
    return [a ^ b for a, b in itertools.pairwise(value_bits) if a != b]


def window_bits(part):
    """What the changes of one window take."""
    size = 64 - min(zeros(x)[0] for x in part) - min(zeros(x)[1] for x in part)
    return 13 + size + (len(part) - 1) * (2 + size)


def least_bits(value_bits):
    """The least that the changes take, over every way to cut them into windows."""
    found = changes(value_bits)
    costs = []
    for n_cuts in range(len(found)):
        for cuts in itertools.combinations(range(1, len(found)), n_cuts):
            ends = (0, *cuts, len(found))
            costs.append(sum(window_bits(found[a:b]) for a, b in itertools.pairwise(ends)))
    return min(costs, default=0)


def reusing_bits(value_bits):
    """What they take when a window is reused for as long as it fits."""
    total, window = 0, None
    for x in changes(value_bits):
        text, window = xor.value_field(x, window)
        total += len(text)
    return total

"""A critical path and explained shares, as slow and obvious as can be."""

from fractions import Fraction


def critical_path_owner(node, low, high):
    """Who owns each nanosecond of `low` to `high` within a span: one dict from the tick to the span's id."""
    owners = dict.fromkeys(range(low, high), node.span.span_id)
    at = high
    waiting = [child for child in node.children if min(child.end_ns, high) > max(child.start_ns, low)]
    while True:
        finished = [child for child in waiting if min(child.end_ns, high) <= at]
        if not finished:
            return owners
        last = min(finished, key=lambda c: (-min(c.end_ns, high), max(c.start_ns, low), c.span.span_id))
        waiting.remove(last)
        start, end = max(last.start_ns, low), min(last.end_ns, high)
        owners.update(critical_path_owner(last, start, end))
        at = start


def self_time(node):
    """How many nanoseconds of a span no child covers."""
    return sum(
        not any(child.start_ns <= tick < child.end_ns for child in node.children)
        for tick in range(node.start_ns, node.end_ns)
    )


def explained_shares(means):
    """Pair -> (share, expected share), of series given as labels, mean before, mean during."""
    change = sum(Fraction(after) - Fraction(before) for _, before, after in means)
    whole = sum(Fraction(before) for _, before, _ in means)
    shares = {}
    for pair in {pair for labels, _, _ in means for pair in labels.items()}:
        mine = [(before, after) for labels, before, after in means if labels.get(pair[0]) == pair[1]]
        share = sum(Fraction(after) - Fraction(before) for before, after in mine) / change
        expected = sum(Fraction(before) for before, _ in mine) / whole if whole else Fraction(len(mine), len(means))
        shares[pair] = (share, expected)
    return shares

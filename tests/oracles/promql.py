"""PromQL the slow and obvious way: one time, one sample, one dict of labels after the other."""

import math
import sys

import attrs

from obsflow.errors import QueryError
from obsflow.model.floats import float_bits, parse_go_float, render_float, render_float_g
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp, all_match
from obsflow.model.regex import LabelRegex
from obsflow.promql.ast import (
    Aggregation,
    Anchor,
    Binary,
    Call,
    Cardinality,
    MatrixSelector,
    NumberLiteral,
    Paren,
    RangeMode,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
    children,
)
from tests.oracles import hashes
from tests.oracles.histogram import search

STALE = 0x7FF0000000000002
NAN = float("nan")
METADATA = ("__name__", "__type__", "__unit__")
MARK = "\ud800"  # a label of series whose names go at the end of the query
SAME = "vector cannot contain metrics with the same labelset"


class Oracle:
    """Evaluates one expression at one time over `(labels, times, values)`; vectors are lists of (labels, value)."""

    def __init__(
        self, series, lookback_ms=300_000, default_step_ms=60_000, step_ms=0, *, delays_names=False, habits=None
    ):
        self.series = [(labels, list(zip(times, values, strict=True))) for labels, times, values in series]
        self.lookback_ms = lookback_ms
        self.default_step_ms = default_step_ms
        self.step_ms = step_ms
        self.delays_names = delays_names
        self.habits = Habits() if habits is None else habits

    def instant(self, expr, time, start=None, end=None):
        """The value at `time`; `start` and `end` are what `@ start()` and `@ end()` mean."""
        bounds = (time if start is None else start, time if end is None else end)
        value = _At(self, time, bounds).value(expr)
        return unique([(settled(labels), v) for labels, v in value]) if isinstance(value, list) else value


class _At:
    def __init__(self, oracle, time, bounds):
        self.oracle = oracle
        self.time = time
        self.bounds = bounds

    def value(self, node):
        match node:
            case NumberLiteral(value=value) | StringLiteral(value=value):
                return value
            case Paren(expr=inner):
                return self.value(inner)
            case VectorSelector():
                if node.mode is RangeMode.SMOOTHED:
                    return self.smoothed(node)
                return [(labels, value) for labels, _, value in self.select(node)]
            case Unary(op=op, expr=inner):
                return self.unary(op, self.value(inner))
            case Binary():
                return self.binary(node)
            case Aggregation():
                return self.aggregate(node)
            case Call():
                return self.call(node)
        raise AssertionError(node)

    def bare(self, labels):
        """The labels without the name, or with the mark that it is to go."""
        return labels.with_({MARK: "drop"}) if self.oracle.delays_names else labels.without(*METADATA)

    def duration(self, duration):
        return duration if isinstance(duration, int) else int(self.seconds(duration) * 1000)

    def seconds(self, node):
        if isinstance(node, NumberLiteral):
            return node.value
        if node.op in ("step", "range"):
            return (self.oracle.step_ms if node.op == "step" else self.bounds[1] - self.bounds[0]) / 1000
        operands = [self.seconds(operand) for operand in node.operands]
        if len(operands) == 1:
            return -operands[0] if node.op == "-" else operands[0]
        return {"min_of": min, "max_of": max, "^": pow, **ARITHMETIC}[node.op](*operands)

    def window(self, node):
        range_ms = self.duration(node.range)
        if range_ms <= 0:
            raise QueryError("duration must be greater than 0")
        return range_ms

    # ---- samples

    def reference(self, node):
        at = node.at
        if isinstance(at, Anchor):
            at = self.bounds[0] if at is Anchor.START else self.bounds[1]
        return (self.time if at is None else at) - self.duration(node.offset)

    def select(self, node):
        reference = self.reference(node)
        out = []
        for labels, samples in self.oracle.series:
            if not all_match(node.matchers, labels):
                continue
            seen = [(t, v) for t, v in samples if reference - self.oracle.lookback_ms < t <= reference]
            if seen and not is_stale(seen[-1][1]):
                out.append((labels, *seen[-1]))
        return out

    def windows(self, node):
        """(series with samples, end of the window, range) of a range vector."""
        node = strip(node)
        if isinstance(node, MatrixSelector):
            end, range_ms = self.reference(node.selector), self.window(node)
            found = []
            for labels, samples in self.oracle.series:
                if all_match(node.selector.matchers, labels):
                    inside = [(t, v) for t, v in samples if end - range_ms < t <= end and not is_stale(v)]
                    if inside:
                        found.append((labels, inside))
            return found, end, range_ms
        end, range_ms = self.reference(node), self.window(node)
        step = self.oracle.default_step_ms if node.step is None else self.duration(node.step)
        rows = {}
        for time in range((end - range_ms) // step * step + step, end + 1, step):
            for labels, value in _At(self.oracle, time, self.bounds).value(node.expr):
                rows.setdefault(labels, []).append((time, value))
        return list(rows.items()), end, range_ms

    # ---- windows that know their values at both ends

    def around(self, selector, end, range_ms):
        """Series with the samples from a lookback before the window, and for `smoothed` to one after it."""
        smoothed = selector.mode is RangeMode.SMOOTHED
        start, stop = end - range_ms - self.oracle.lookback_ms, end + smoothed * self.oracle.lookback_ms
        for labels, samples in self.oracle.series:
            if all_match(selector.matchers, labels):
                yield labels, [(t, v) for t, v in samples if start < t <= stop and not is_stale(v)]

    def with_ends(self, name, matrix):
        end, range_ms = self.reference(matrix.selector), self.window(matrix)
        for labels, samples in self.around(matrix.selector, end, range_ms):
            window = ends_of(samples, end - range_ms, end, matrix.selector.mode, counter=name in ("rate", "increase"))
            if window is None:
                continue
            left, inside, right, taken = window
            if name in ("changes", "resets"):
                yield labels, WINDOWS[name](taken)
                continue
            value, lost, previous = right - left, 0.0, left
            if name != "delta":
                for sample in (*inside, right):
                    lost += previous if sample < previous else 0.0
                    previous = sample
                value += lost
            yield labels, value / (range_ms / 1000) if name == "rate" else value

    def smoothed(self, node):
        time = self.reference(node)
        out = []
        for labels, samples in self.around(node, time, 0):
            before = [sample for sample in samples if sample[0] <= time]
            after = [sample for sample in samples if sample[0] > time]
            if before:
                exact = before[-1][0] == time or not after
                out.append((labels, before[-1][1] if exact else on_line(before[-1], after[0], time, counter=False)))
        return out

    # ---- operators

    def unary(self, op, value):
        if op == "+":
            return value
        if isinstance(value, list):
            return unique([(self.bare(labels), -v) for labels, v in value])
        return -value

    def binary(self, node):
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, list) and isinstance(right, list):
            if node.op in ("and", "or", "unless"):
                return set_operation(node, left, right)
            return match_vectors(node, left, right, self.oracle.delays_names)
        if not isinstance(left, list) and not isinstance(right, list):
            return float(operate(node.op, left, right))
        out = []
        for labels, sample in left if isinstance(left, list) else right:
            a, b = (sample, right) if isinstance(left, list) else (left, sample)
            result = operate(node.op, a, b)
            if node.op not in COMPARISONS or node.returns_bool:
                out.append((self.bare(labels), float(result)))
            elif result:
                out.append((labels, sample))
        return unique(out)

    # ---- aggregations

    def aggregate(self, node):
        vector = self.value(node.expr)
        param = None if node.param is None else self.value(node.param)
        if node.op in ("topk", "bottomk"):
            if math.isnan(param):
                raise QueryError("Parameter value is NaN")
            if param >= 2.0**63:
                raise QueryError("Scalar value overflows int64")
            groups = grouped(node, vector)
            return [sample for members in groups.values() for sample in rank(node.op, members, int(max(param, 0)))]
        if node.op == "count_values":
            return count_values(node, vector, param)
        if node.op in ("limitk", "limit_ratio"):
            return limit(node, vector, param)
        return [
            (marked_as(labels, members), self.oracle.habits.reductions[node.op]([value for _, value in members], param))
            for labels, members in grouped(node, vector).items()
        ]

    # ---- info

    def call_info(self, vector, selector=None):
        given = selector.matchers if selector else ()
        names = [matcher for matcher in given if matcher.name == "__name__"]
        data = [matcher for matcher in given if matcher.name != "__name__"]
        if not names:
            names = [Matcher("__name__", MatchOp.EQUAL, "target_info")]
        elif all(matcher.op in (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX) for matcher in names):
            names.append(Matcher("__name__", MatchOp.REGEX, ".+_info"))
        base = self.value(vector)
        if not base:
            return []
        plain = [labels for labels, _ in base if not all_match(names, labels)]
        asked = {name: {labels.get(name) for labels in plain} - {""} for name in ("instance", "job")}
        newest = {}
        for labels, time, _ in self.looking(vector).select(VectorSelector("", (*names, *data), (0, 0))):
            if not any(asked.values()) or any(asked[n] and labels.get(n) not in asked[n] for n in asked):
                continue
            key = tuple(labels.get(name) for name in ("__name__", "instance", "job"))
            if key in newest and newest[key][1] == time:
                raise QueryError("found duplicate series for info metric")
            if key not in newest or newest[key][1] < time:
                newest[key] = (labels, time)
        out = []
        for labels, value in base:
            if all_match(names, labels):
                out.append((labels, value))
                continue
            infos = [
                info for key, (info, _) in newest.items() if key[1:] == (labels.get("instance"), labels.get("job"))
            ]
            if not infos and not all(matcher.matches("") for matcher in data):
                continue
            added = {}
            for info in infos:
                for name, text in info.pairs:
                    if name == "__name__" or (data and name not in {matcher.name for matcher in data}):
                        continue
                    if added.setdefault(name, text) != text:
                        raise QueryError("conflicting label")
            out.append((labels.with_({n: t for n, t in added.items() if not labels.get(n)}), value))
        return unique(out)

    def looking(self, node):
        """Where the first selector in `node` looks."""
        if isinstance(node, VectorSelector | Subquery):
            there = _At(self.oracle, self.reference(node), self.bounds)
            return there if isinstance(node, VectorSelector) else there.looking(node.expr)
        for child in children(node):
            found = self.looking(child)
            if found is not None:
                return found
        return None if isinstance(node, NumberLiteral | StringLiteral) else self

    # ---- functions

    def call(self, node):
        name, args = node.name, node.args
        matrix = strip(args[0]) if args else None
        if isinstance(matrix, MatrixSelector) and matrix.selector.mode is not RangeMode.PLAIN:
            return unique([(self.bare(labels), v) for labels, v in self.with_ends(name, matrix) if v is not None])
        if name in WINDOWS:
            at = {"quantile_over_time": 1}.get(name, 0)
            found, end, range_ms = self.windows(args[at])
            params = [self.value(argument) for i, argument in enumerate(args) if i != at]
            out = []
            for labels, samples in found:
                value = self.oracle.habits.windows[name](samples, end - range_ms, end, self.time, *params)
                if value is not None:
                    out.append((labels if name in ("last_over_time", "first_over_time") else self.bare(labels), value))
            return unique(out)
        if name in MATH:
            params = [self.value(argument) for argument in args[1:]]
            return unique([(self.bare(labels), MATH[name](value, *params)) for labels, value in self.value(args[0])])
        return getattr(self, f"call_{name}")(*args)

    def call_absent_over_time(self, matrix):
        return [] if self.windows(matrix)[0] else [(promised(matrix), 1.0)]

    def call_absent(self, vector):
        return [] if self.value(vector) else [(promised(vector), 1.0)]

    def call_time(self):
        return self.time / 1000

    def call_timestamp(self, vector):
        inner = strip(vector)
        if isinstance(inner, VectorSelector):
            return unique([(self.bare(labels), t / 1000) for labels, t, _ in self.select(inner)])
        return unique([(self.bare(labels), self.time / 1000) for labels, _ in self.value(inner)])

    def call_scalar(self, vector):
        values = self.value(vector)
        return values[0][1] if len(values) == 1 else NAN

    def call_vector(self, scalar):
        return [(Labels(), self.value(scalar))]

    def call_clamp(self, vector, least, greatest):
        least, greatest = self.value(least), self.value(greatest)
        clamped = [(self.bare(labels), go_max(least, go_min(greatest, v))) for labels, v in self.value(vector)]
        return [] if greatest < least else unique(clamped)

    def call_sort(self, vector):
        return sorted(self.value(vector), key=lambda s: (math.isnan(s[1]), 0 if math.isnan(s[1]) else s[1]))

    def call_sort_desc(self, vector):
        return sorted(self.value(vector), key=lambda s: (math.isnan(s[1]), 0 if math.isnan(s[1]) else -s[1]))

    def call_label_replace(self, vector, target, replacement, source, pattern):
        target, replacement, source = self.value(target), self.value(replacement), self.value(source)
        regex = LabelRegex(self.value(pattern))
        out = []
        for labels, value in self.value(vector):
            text = regex.expand(replacement, labels.get(source))
            out.append((labels if text is None else relabelled(labels, target, text), value))
        return unique(out)

    def call_label_join(self, vector, target, separator, *sources):
        target, separator, *sources = (self.value(argument) for argument in (target, separator, *sources))
        return unique(
            [
                (relabelled(labels, target, separator.join(labels.get(source) for source in sources)), value)
                for labels, value in self.value(vector)
            ]
        )

    def call_histogram_quantile(self, quantile, vector):
        q, rising = self.value(quantile), self.oracle.habits.monotonic
        return unique(
            [(self.bare(labels), bucket_quantile(q, found, rising)) for labels, found in self.histograms(vector)]
        )

    def call_histogram_quantiles(self, vector, target, *quantiles):
        out = []
        for q in map(self.value, quantiles):
            text = open_metrics(q)
            for labels, found in self.histograms(vector):
                out.append((self.bare(labels).with_({self.value(target): text}), bucket_quantile(q, found)))
        return unique(out)

    def call_sort_by_label(self, vector, *_labels):
        return self.value(vector)

    def call_pi(self):
        return math.pi

    def call_start(self):
        return self.bounds[0] / 1000

    def call_end(self):
        return self.bounds[1] / 1000

    def call_range(self):
        return (self.bounds[1] - self.bounds[0]) / 1000

    def call_step(self):
        return self.oracle.step_ms / 1000 if self.bounds[0] != self.bounds[1] else 0.0

    def call_min_of(self, a, b):
        return go_min(self.value(a), self.value(b))

    def call_max_of(self, a, b):
        return go_max(self.value(a), self.value(b))

    def call_histogram_fraction(self, lower, upper, vector):
        bounds = self.value(lower), self.value(upper)
        found = self.histograms(vector)
        return unique([(self.bare(labels), bucket_fraction(*bounds, buckets)) for labels, buckets in found])

    def histograms(self, vector):
        found = {}
        for labels, value in self.value(vector):
            try:
                bound = parse_go_float(labels.get("le"))
            except ValueError:
                continue
            if not math.isnan(bound):
                found.setdefault(labels.without("le"), []).append((bound, value))
        return [(labels, sorted(buckets, key=lambda bucket: bucket[0])) for labels, buckets in found.items()]


def is_stale(value):
    return float_bits(value) == STALE


def strip(node):
    while isinstance(node, Paren):
        node = node.expr
    return node


def settled(labels):
    """The labels at the end of the query."""
    return labels.without(MARK, *METADATA) if labels.get(MARK) else labels


def marked_as(labels, members):
    """The labels of a group: its name goes if that of any member does."""
    marked = any(member.get(MARK) for member, _ in members) and any(labels.get(name) for name in METADATA)
    return labels.with_({MARK: "drop"}) if marked else labels


def relabelled(labels, target, text):
    """A name that is given stays."""
    return labels.with_({target: text, **({MARK: ""} if target == "__name__" else {})})


def unique(vector):
    if len({labels for labels, _ in vector}) < len(vector):
        raise QueryError(SAME)
    return vector


def promised(node):
    node = strip(node)
    node = node.selector if isinstance(node, MatrixSelector) else node
    if not isinstance(node, VectorSelector):
        return Labels()
    others = [matcher for matcher in node.matchers if matcher.name != "__name__"]
    names = [matcher.name for matcher in others]
    return Labels({m.name: m.value for m in others if m.op is MatchOp.EQUAL and names.count(m.name) == 1})


# ---- binary operators


def divide(a, b):
    if b == 0:
        sign = math.copysign(1, a) * math.copysign(1, b)
        return NAN if a == 0 or math.isnan(a) else sign * math.inf
    return a / b


def modulo(a, b):
    return NAN if b == 0 or math.isinf(a) or math.isnan(a) or math.isnan(b) else math.fmod(a, b)


COMPARISONS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "%": modulo,
    "^": math.pow,  # raises where the power is not finite
}


def operate(op, a, b):
    return (ARITHMETIC.get(op) or COMPARISONS[op])(a, b)


def signature(matching, labels):
    if matching.on:
        return labels.only(matching.labels)
    return labels.without("__name__", MARK, *matching.labels)


def set_operation(node, left, right):
    matching = node.matching
    lefts = {signature(matching, labels) for labels, _ in left}
    rights = {signature(matching, labels) for labels, _ in right}
    if node.op == "and":
        return [sample for sample in left if signature(matching, sample[0]) in rights]
    if node.op == "unless":
        return [sample for sample in left if signature(matching, sample[0]) not in rights]
    return left + [sample for sample in right if signature(matching, sample[0]) not in lefts]


def match_vectors(node, left, right, delays_names):
    matching = node.matching
    fills = matching.fill_left, matching.fill_right
    if (not left and not right) or (not (left and right) and fills == (None, None)):
        return []
    swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    by_signature = {}
    for labels, value in one:
        if signature(matching, labels) in by_signature:
            raise QueryError("found duplicate series for the match group")
        by_signature[signature(matching, labels)] = (labels, value)
    pairs = []
    for labels, value in many:
        key = signature(matching, labels)
        if key in by_signature:
            pairs.append((key, (labels, value), by_signature[key]))
        elif matching.fill_right is not None:
            pairs.append((key, (labels, value), (key, matching.fill_right)))
    if matching.fill_left is not None:
        met = {key for key, _, _ in pairs}
        pairs += [(key, (key, matching.fill_left), one) for key, one in by_signature.items() if key not in met]
    out, taken = [], set()
    for key, (labels, value), (one_labels, one_value) in pairs:
        result_labels = labels_of_result(node, labels, one_labels, delays_names)
        mark = key if matching.cardinality is Cardinality.ONE_TO_ONE else (key, result_labels)
        if mark in taken:
            raise QueryError("multiple matches for labels")
        taken.add(mark)
        a, b = (one_value, value) if swapped else (value, one_value)
        result = operate(node.op, a, b)
        if node.op not in COMPARISONS or node.returns_bool:
            out.append((result_labels, float(result)))
        elif result:
            out.append((result_labels, a))
    return unique(out)


def labels_of_result(node, many, one, delays_names):
    matching = node.matching
    keeps_name = node.op in COMPARISONS and (delays_names or not node.returns_bool)
    many = many.without(MARK) if keeps_name else many.without(MARK, *METADATA)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        many = many.only(matching.labels) if matching.on else many.without(*matching.labels)
    else:
        many = many.with_({name: one.get(name) for name in matching.include})
    return many.with_({MARK: "drop"}) if node.returns_bool and delays_names else many


# ---- aggregations


def grouped(node, vector):
    groups = {}
    for labels, value in vector:
        key = labels.without("__name__", MARK, *node.grouping) if node.without else labels.only(node.grouping)
        groups.setdefault(key, []).append((labels, value))
    return groups


class _Key:
    """Where a sample stands in the heap of `topk`: what is pushed out first is least."""

    def __init__(self, op, value):
        self.sign, self.value = (1 if op == "topk" else -1), value

    def __lt__(self, other):
        return math.isnan(self.value) or self.sign * self.value < self.sign * other.value


def rank(op, members, k):
    """Kept as Go's container/heap keeps it, whose moves are those of the textbook, and so decide among equals."""
    if k < 1:
        return []
    heap = []
    for sample in members:
        if len(heap) < k:
            heap.append((_Key(op, sample[1]), sample))
            child = len(heap) - 1
            while child and heap[child][0] < heap[(child - 1) // 2][0]:
                parent = (child - 1) // 2
                heap[child], heap[parent] = heap[parent], heap[child]
                child = parent
        elif heap[0][0] < _Key(op, sample[1]) and not math.isnan(sample[1]):
            heap[0] = (_Key(op, sample[1]), sample)
            parent = 0
            while True:
                children = [c for c in (2 * parent + 1, 2 * parent + 2) if c < len(heap)]
                if not children:
                    break
                child = children[0]
                if len(children) == 2 and heap[children[1]][0] < heap[child][0]:
                    child = children[1]
                if not heap[child][0] < heap[parent][0]:
                    break
                heap[child], heap[parent] = heap[parent], heap[child]
                parent = child
    sign = -1 if op == "topk" else 1
    kept = [sample for _, sample in heap]
    return sorted(kept, key=lambda s: (math.isnan(s[1]), 0 if math.isnan(s[1]) else sign * s[1]))


def limit(node, vector, param):
    """The first of each group, or the share of all that hash below the ratio."""
    if math.isnan(param):
        raise QueryError("Parameter value is NaN" if node.op == "limitk" else "Ratio value is NaN")
    if node.op == "limitk":
        if param >= 2.0**63:
            raise QueryError("Scalar value overflows int64")
        return [sample for members in grouped(node, vector).values() for sample in members[: int(max(param, 0))]]
    share = [share_of(labels.without(MARK)) for labels, _ in vector]
    return [sample for sample, at in zip(vector, share, strict=True) if (at < param if param >= 0 else at >= 1 + param)]


def share_of(labels):
    """Where the hash of a label set lies between 0 and 1: of names and values, each after its length (below 255)."""
    texts = [text.encode() for pair in labels.pairs for text in pair]
    return hashes.xxhash64(b"".join(bytes([len(text)]) + text for text in texts)) / float(2**64 - 1)


def open_metrics(value):
    text = render_float_g(value + 0.0)
    return text + ".0" if text.lstrip("-").isdigit() else text


def count_values(node, vector, name):
    counts = {}
    for labels, value in vector:
        valued = labels.with_({name: render_float(value)})
        key = valued.without("__name__", MARK, *node.grouping) if node.without else valued.only((*node.grouping, name))
        counts[key] = counts.get(key, 0.0) + 1
    return list(counts.items())


def add(increment, total, compensation):
    """Neumaier's step."""
    new = total + increment
    if math.isinf(new):
        return new, 0.0
    if abs(total) >= abs(increment):
        return new, compensation + ((total - new) + increment)
    return new, compensation + ((increment - new) + total)


def total(values, _=None):
    result, compensation = values[0], 0.0
    for value in values[1:]:
        result, compensation = add(value, result, compensation)
    return result + compensation


def average(values, _=None):
    result, compensation, mean, incremental = values[0], 0.0, 0.0, False
    for n, value in enumerate(values[1:], 2):
        if not incremental:
            new, new_compensation = add(value, result, compensation)
            if not math.isinf(new):
                result, compensation = new, new_compensation
                continue
            incremental = True
            mean = result / (n - 1)
            compensation /= n - 1
        q = (n - 1) / n
        mean, compensation = add(value / n, q * mean, q * compensation)
    return mean + compensation if incremental else result / len(values) + compensation / len(values)


def least(values, _=None):
    best = values[0]
    for value in values[1:]:
        if value < best or math.isnan(best):
            best = value
    return best


def greatest(values, _=None):
    best = values[0]
    for value in values[1:]:
        if value > best or math.isnan(best):
            best = value
    return best


def variance(values, _=None):
    mean, squares = values[0], 0.0 if math.isfinite(values[0]) else NAN
    for n, value in enumerate(values[1:], 2):
        delta = value - mean
        mean += delta / n
        squares += delta * (value - mean)
    return squares / len(values)


def root(value):
    return math.sqrt(value) if value >= 0 else NAN


def quantile(values, q):
    if math.isnan(q) or not values:
        return NAN
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    values = sorted(values, key=lambda v: (not math.isnan(v), 0 if math.isnan(v) else v))
    position = q * (len(values) - 1)
    lower = max(0, math.floor(position))
    upper = min(len(values) - 1, lower + 1)
    weight = position - math.floor(position)
    return values[lower] * (1 - weight) + values[upper] * weight


REDUCTIONS = {
    "sum": total,
    "avg": average,
    "min": least,
    "max": greatest,
    "count": lambda values, _: float(len(values)),
    "group": lambda _values, _: 1.0,
    "stdvar": variance,
    "stddev": lambda values, _: root(variance(values)),
    "quantile": quantile,
}


# ---- functions of single values


def go_min(a, b):
    if -math.inf in (a, b):
        return -math.inf
    if math.isnan(a) or math.isnan(b):
        return NAN
    if a == b == 0:
        return a if math.copysign(1, a) < 0 else b
    return min(a, b)


def go_max(a, b):
    return -go_min(-a, -b)


def whole(function):
    return lambda value: math.copysign(function(value), value) if math.isfinite(value) else value


def round_to(value, nearest=1.0):
    inverse = divide(1.0, nearest)
    return divide(whole(math.floor)(value * inverse + 0.5), inverse)


MATH = {
    "abs": abs,
    "ceil": whole(math.ceil),
    "floor": whole(math.floor),
    "sqrt": lambda v: v if v == 0 else root(v),
    "round": round_to,
    "sgn": lambda v: v if v == 0 or math.isnan(v) else math.copysign(1.0, v),
    "clamp_min": go_max,
    "clamp_max": go_min,
}


# ---- the ends of windows


def on_line(a, b, time, *, counter):
    start = 0.0 if counter and b[1] < a[1] else a[1]
    return start + (b[1] - start) * (time - a[0]) / (b[0] - a[0])


def ends_of(samples, start, end, mode, *, counter):
    """(value at the start, values strictly inside, value at the end, the samples taken) or None."""
    before = [sample for sample in samples if sample[0] <= start]
    within = [sample for sample in samples if start < sample[0] < end]
    after = [sample for sample in samples if sample[0] >= end]
    taken = before[-1:] + within + after[:1]
    if not taken or taken[-1][0] <= start or taken[0][0] > end:
        return None
    left, right = taken[0][1], taken[-1][1]
    if mode is RangeMode.SMOOTHED and taken[0][0] < start:
        left = on_line(taken[0], taken[1], start, counter=counter)
    if mode is RangeMode.SMOOTHED and taken[-1][0] > end and len(taken) > 1:
        right = on_line(taken[-2], taken[-1], end, counter=counter)
    return left, [value for _, value in within], right, taken


# ---- functions of windows: (samples, start, end, time of the step, parameters) -> value or None


def rate_of(*, counter, per_second):
    def evaluate(samples, start, end, _time):
        if len(samples) < 2:
            return None
        (first_time, first), (last_time, last) = samples[0], samples[-1]
        result = last - first
        if counter:
            previous = first
            for _, value in samples[1:]:
                if value < previous:
                    result += previous
                previous = value
        to_start, to_end = (first_time - start) / 1000, (end - last_time) / 1000
        sampled = (last_time - first_time) / 1000
        spacing = sampled / (len(samples) - 1)
        if to_start >= spacing * 1.1:
            to_start = spacing / 2
        if counter and result > 0 and first >= 0:
            to_zero = sampled * (first / result)
            to_start = min(to_zero, to_start) if not math.isnan(to_zero) else to_start
        if to_end >= spacing * 1.1:
            to_end = spacing / 2
        factor = (sampled + to_start + to_end) / sampled
        if per_second:
            factor /= (end - start) / 1000
        return result * factor

    return evaluate


def last_two(*, per_second):
    def evaluate(samples, *_):
        if len(samples) < 2:
            return None
        (time_a, a), (time_b, b) = samples[-2:]
        result = b if per_second and b < a else b - a
        return result / ((time_b - time_a) / 1000) if per_second else result

    return evaluate


def pairs(samples):
    return zip([v for _, v in samples], [v for _, v in samples[1:]], strict=False)


def regression(samples, origin):
    first = samples[0][1]
    if all(value == first for _, value in samples[1:]):
        return (NAN, NAN) if math.isinf(first) else (0.0, first)
    sums = {}
    for time, y in samples:
        x = (time - origin) / 1000
        for name, increment in (("x", x), ("y", y), ("xy", x * y), ("xx", x * x)):
            sums[name] = add(increment, *sums.get(name, (0.0, 0.0)))
    x, y, xy, xx = (sums[name][0] + sums[name][1] for name in ("x", "y", "xy", "xx"))
    n = float(len(samples))
    slope = divide(xy - x * y / n, xx - x * x / n)
    return slope, y / n - slope * x / n


def deriv(samples, *_):
    return regression(samples, samples[0][0])[0] if len(samples) > 1 else None


def predict(samples, _start, _end, time, seconds):
    if len(samples) < 2:
        return None
    slope, intercept = regression(samples, time)
    return slope * seconds + intercept


def sum_over_time(samples, *_):
    result = compensation = 0.0
    for _, value in samples:
        result, compensation = add(value, result, compensation)
    return result if math.isinf(result) else result + compensation


def variance_over_time(samples, *_):
    mean, squares = (0.0, 0.0), (0.0, 0.0)
    for n, (_, value) in enumerate(samples, 1):
        delta = value - sum(mean)
        mean = add(delta / n, *mean)
        squares = add(delta * (value - (mean[0] + mean[1])), *squares)
    return (squares[0] + squares[1]) / len(samples)


def deviation(values):
    if any(map(math.isnan, values)):
        return NAN
    middle = quantile(values, 0.5)
    return quantile([abs(value - middle) for value in values], 0.5)


def extreme_time(wins):
    def evaluate(samples, *_):
        best, at = samples[0][1], samples[0][0]
        for time, value in samples:
            if wins(value, best) or math.isnan(best):
                best, at = value, time
        return at / 1000

    return evaluate


def smoothing(samples, _start, _end, _time, factor, trend_factor):
    for name, each in (("smoothing", factor), ("trend", trend_factor)):
        if each <= 0 or each >= 1:
            raise QueryError(f"invalid {name} factor")
    if len(samples) < 2:
        return None
    values = [value for _, value in samples]
    before, level, trend = 0.0, values[0], values[1] - values[0]
    for i, value in enumerate(values[1:]):
        if i:
            trend = trend_factor * (level - before) + (1 - trend_factor) * trend
        before, level = level, factor * value + (1 - factor) * (level + trend)
    return level


def of_values(function):
    return lambda samples, _start, _end, _time, *params: function([value for _, value in samples], *params)


WINDOWS = {
    "rate": rate_of(counter=True, per_second=True),
    "increase": rate_of(counter=True, per_second=False),
    "delta": rate_of(counter=False, per_second=False),
    "irate": last_two(per_second=True),
    "idelta": last_two(per_second=False),
    "deriv": deriv,
    "predict_linear": predict,
    "resets": lambda samples, *_: float(sum(b < a for a, b in pairs(samples))),
    "changes": lambda samples, *_: float(
        sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairs(samples))
    ),
    "sum_over_time": sum_over_time,
    "avg_over_time": of_values(average),
    "min_over_time": of_values(least),
    "max_over_time": of_values(greatest),
    "count_over_time": of_values(lambda values: float(len(values))),
    "last_over_time": of_values(lambda values: values[-1]),
    "first_over_time": of_values(lambda values: values[0]),
    "present_over_time": of_values(lambda _values: 1.0),
    "stdvar_over_time": variance_over_time,
    "stddev_over_time": lambda samples, *_: root(variance_over_time(samples)),
    "quantile_over_time": of_values(quantile),
    "mad_over_time": of_values(deviation),
    "double_exponential_smoothing": smoothing,
    "ts_of_first_over_time": lambda samples, *_: samples[0][0] / 1000,
    "ts_of_last_over_time": lambda samples, *_: samples[-1][0] / 1000,
    "ts_of_min_over_time": extreme_time(lambda value, best: value <= best),
    "ts_of_max_over_time": extreme_time(lambda value, best: value >= best),
}


# ---- classic histograms: buckets are (bound, cumulative count), sorted


def merged(buckets):
    out = {}
    for bound, count in buckets:
        out[bound] = out[bound] + count if bound in out else count
    return list(out.items())


def monotonic(buckets):
    out = buckets[:1]
    for bound, count in buckets[1:]:
        previous = out[-1][1]
        reach = min(abs(count) + abs(previous), sys.float_info.max)
        falls = count != previous and (abs(count - previous) < 1e-12 * reach or count < previous)
        out.append((bound, previous if falls else count))
    return out


def bucket_quantile(q, buckets, monotonic=monotonic):
    if math.isnan(q):
        return NAN
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    if buckets[-1][0] != math.inf:
        return NAN
    buckets = monotonic(merged(buckets))
    observations = buckets[-1][1]
    if len(buckets) < 2 or observations == 0:
        return NAN
    position = q * observations
    chosen = search(len(buckets) - 1, lambda i: buckets[i][1] >= position)
    if chosen == len(buckets) - 1:
        return buckets[-2][0]
    bound, count = buckets[chosen]
    if chosen == 0:
        if bound <= 0:
            return bound
        return 0.0 + bound * divide(position, count)  # from 0 on, as the others from their start
    start, below = buckets[chosen - 1]
    return start + (bound - start) * divide(position - below, count - below)


def bucket_fraction(lower, upper, buckets):
    if buckets[-1][0] != math.inf:
        return NAN
    buckets = merged(buckets)
    observations = buckets[-1][1]
    if observations == 0 or math.isnan(lower) or math.isnan(upper):
        return NAN
    if lower >= upper:
        return 0.0
    return divide(rank_of(upper, buckets) - rank_of(lower, buckets), observations)


def rank_of(value, buckets):
    below, start = 0.0, 0.0 if buckets[0][0] > 0 else -math.inf
    for bound, count in buckets:
        if value <= start:
            return min(below, buckets[-1][1])
        if value < bound:
            if start == -math.inf:
                return min(count, buckets[-1][1])
            return min(below + (count - below) * (value - start) / (bound - start), buckets[-1][1])
        below, start = count, bound
    return buckets[-1][1]


# ---- what a version of Prometheus may do its own way


@attrs.frozen
class Habits:
    """Functions of windows and aggregations by name, and what makes counts of buckets rise."""

    windows: dict = attrs.field(default=WINDOWS)
    reductions: dict = attrs.field(default=REDUCTIONS)
    monotonic: object = attrs.field(default=monotonic)

"""XOR2 chunks as strings of '0' and '1': what the format says, one sample after another."""

from tests.oracles.xor import MASK, EndedError, Reader, field, signed, uvarint

STALE = 0x7FF0000000000002
DODS = (("110", 13), ("1110", 20), ("11110", 64))
VARBITS = (3, 6, 9, 12, 18, 25, 56)


def varint(number):
    return uvarint((number << 1 ^ number >> 63) & MASK)


def take_varbit(reader):
    """The number that `varbit` made bits of, or another of the same 64."""
    width = (0, *VARBITS, 64)[reader.ones(8)]
    word = reader.take(width)
    return word - (1 << width) if width and word > 1 << width - 1 else word


def varbit(number):
    """What a start time takes."""
    if number == 0:
        return "0"
    for ones, width in enumerate(VARBITS, 1):
        if -(1 << width - 1) < number <= 1 << width - 1:
            return "1" * ones + "0" + field(number & (1 << width) - 1, width)
    return "1" * 8 + field(number & MASK, 64)


def changed_field(x, window, prefixes):
    """The bits of an XOR that is not 0 in the window or in one of its own, and the window after it."""
    text = field(x, 64)
    lead = min(31, len(text) - len(text.lstrip("0")))
    trail = len(text) - len(text.rstrip("0"))
    if window and lead >= window[0] and trail >= window[1]:
        return prefixes[0] + text[window[0] : 64 - window[1]], window
    size = 64 - lead - trail
    return prefixes[1] + field(lead, 5) + field(size % 64, 6) + text[lead : 64 - trail], (lead, trail)


def value_field(bits, baseline, window):
    if bits == STALE:
        return "111", window
    return changed_field(bits ^ baseline, window, ("10", "110")) if bits != baseline else ("0", window)


def sample_field(dod, bits, baseline, window):
    if dod:
        prefix, width = next(each for each in DODS if -(1 << each[1] - 1) <= dod < 1 << each[1] - 1)
        text, window = value_field(bits, baseline, window)
        return prefix + field(dod & (1 << width) - 1, width) + text, window
    if bits == STALE:
        return "11111", window
    if bits == baseline:
        return "0", window
    text, window = changed_field(bits ^ baseline, window, ("0", "1"))
    return "10" + text, window


def encode(times, value_bits, starts=None):
    """The chunk of these times (ms), values (as 64 bits) and start times, 0 for none."""
    starts = starts or [0] * len(times)
    changes = [i for i in range(1, len(times)) if starts[i] != starts[i - 1] or i == 127]
    first_change = min(changes, default=0)
    out = field(len(times), 16) + field((bool(starts) and starts[0] != 0) << 7 | first_change, 8)
    window, baseline, distance = None, 0, 0
    for i, (time, bits) in enumerate(zip(times, value_bits, strict=True)):
        if i == 0:
            out += varint(time) + field(bits, 64) + (varint(signed(time - starts[0] & MASK)) if starts[0] else "")
        else:
            if i == 1:
                out += uvarint(time - times[0] & MASK)
                text, window = value_field(bits, baseline, window)
            else:
                dod = signed((time - 2 * times[i - 1] + times[i - 2]) & MASK)
                text, window = sample_field(dod, bits, baseline, window)
            out += text
            if first_change and i >= first_change:
                distance, before = signed(times[i - 1] - starts[i] & MASK), distance
                out += varbit(signed(distance - before & MASK) if i > first_change else distance)
        baseline = baseline if bits == STALE else bits
    out += "0" * (-len(out) % 8)
    return int(out, 2).to_bytes(len(out) // 8, "big")


class _Decoder(Reader):
    """Adds to a reader the newest value, and the window in which the next one may differ."""

    bits = baseline = 0
    window = (0, 0)

    def ones(self, most):
        count = 0
        while count < most and self.take(1):
            count += 1
        return count

    def changed(self, in_new_window):
        if in_new_window:
            lead, size = self.take(5), self.take(6) or 64
            if lead + size > 64:
                raise EndedError
            self.window = (lead, 64 - lead - size)
        self.bits = self.baseline = self.baseline ^ self.take(64 - sum(self.window)) << self.window[1]

    def value(self):
        kind = self.ones(3)
        if kind in (1, 2):
            self.changed(kind == 2)
        else:
            self.bits = STALE if kind else self.baseline

    def sample(self):
        """The change of interval."""
        kind = self.ones(5)
        if kind == 1:
            self.changed(self.take(1))
        elif kind in (0, 5):
            self.bits = STALE if kind else self.baseline
        else:
            width = DODS[kind - 2][1]
            word = self.take(width)
            self.value()
            return word - (word >> width - 1 << width)
        return 0


def decode(data):
    """(times, values as 64 bits, start times, whether it ended well): the samples before a fault."""
    times, values, starts, delta, start, distance = [], [], [], 0, 0, 0
    reader = _Decoder(data)
    try:
        count, has_start, first_change = reader.take(16), reader.take(1), reader.take(7)
        for i in range(count):
            if i == 0:
                word = reader.uvarint()
                time = word >> 1 ^ -(word & 1)
                reader.bits = reader.take(64)
                reader.baseline = 0 if reader.bits == STALE else reader.bits
                if has_start:
                    word = reader.uvarint()
                    start = signed(time - (word >> 1 ^ -(word & 1)) & MASK)
            else:
                if i == 1:
                    delta = reader.uvarint()
                    reader.value()
                else:
                    delta += reader.sample()
                time = signed(times[-1] + delta & MASK)
                if first_change and i >= first_change:
                    distance += take_varbit(reader)
                    start = signed(times[-1] - distance & MASK)
            times.append(time)
            values.append(reader.bits)
            starts.append(start)
    except EndedError:
        return times, values, starts, False
    return times, values, starts, True

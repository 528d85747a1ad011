"""Times read by Go's layouts."""

import re

from obsflow.gotemplate.calendar import MONTHS, WEEKDAYS, days_from_civil, days_in_month
from obsflow.gotemplate.timeformat import split_layout

_NUMBERS = {
    "1": ("month", r"[0-9][0-9]?"),
    "01": ("month", r"[0-9][0-9]"),
    "2": ("day", r"[0-9][0-9]?"),
    "_2": ("day", r" ?[0-9][0-9]?"),
    "02": ("day", r"[0-9][0-9]"),
    "__2": ("year_day", r" {0,2}[0-9]{1,3}"),
    "002": ("year_day", r"[0-9]{3}"),
    "15": ("hour", r"[0-9][0-9]?"),
    "3": ("hour", r"[0-9][0-9]?"),
    "03": ("hour", r"[0-9][0-9]"),
    "4": ("minute", r"[0-9][0-9]?"),
    "04": ("minute", r"[0-9][0-9]"),
    "5": ("second", r"[0-9][0-9]?"),
    "05": ("second", r"[0-9][0-9]"),
    "2006": ("year", r"[0-9]{4}"),
    "06": ("short_year", r"[0-9][0-9]"),
}
_NAMES = {"January": MONTHS, "Jan": tuple(name[:3] for name in MONTHS)}
_DAYS = {"Monday": WEEKDAYS, "Mon": tuple(name[:3] for name in WEEKDAYS)}
_ZONE = re.compile(r"UTC|[A-Z]{3,5}|[+-][0-9][0-9](?:[0-9][0-9])?", re.ASCII)
_FRACTION = re.compile(r"[.,][0-9]+", re.ASCII)
_LIMITS = {"hour": (0, 24), "minute": (0, 60), "second": (0, 60), "month": (1, 13)}


def quote_time_text(text: str) -> str:
    """The text as Go's package `time` quotes it in errors: what is not ASCII, or is a control character, as bytes."""
    out = []
    for c in text:
        if " " <= c < "\x80":
            out.append("\\" + c if c in '"\\' else c)
        else:
            out.extend(f"\\x{byte:02x}" for byte in c.encode("utf-8", "surrogateescape"))
    return f'"{"".join(out)}"'


class _Reader:
    """Fields read so far, and what of the text is left."""

    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.zone = ""
        self.fields = {"year": 0, "hour": 0, "minute": 0, "second": 0, "nanosecond": 0, "offset": 0}

    def error(self, rest: str, element: str) -> ValueError:
        what = f"cannot parse {quote_time_text(rest)} as {quote_time_text(element)}"
        return ValueError(f"parsing time {quote_time_text(self.text)} as {quote_time_text(self.layout)}: {what}")

    def out_of_range(self, what: str) -> ValueError:
        return ValueError(f"parsing time {quote_time_text(self.text)}: {what} out of range")

    def match(self, pattern: str | re.Pattern[str], element: str) -> str:
        match = re.match(pattern, self.rest)
        if match is None:
            raise self.error(self.rest, element)
        self.rest = self.rest[match.end() :]
        return match[0]

    def literal(self, text: str) -> None:
        """A run of spaces in the layout stands for any number of them."""
        for i, char in enumerate(text):
            if char == " ":
                if self.rest and not self.rest.startswith(" "):
                    raise self.error(self.rest, text[i:])
                self.rest = self.rest.lstrip(" ")
            elif self.rest.startswith(char):
                self.rest = self.rest[1:]
            else:
                raise self.error(self.rest, text[i:])

    def element(self, element: str) -> None:
        if element in _NUMBERS:
            name, pattern = _NUMBERS[element]
            value = int(self.match(pattern, element))
            low, high = (0, 13) if element in ("3", "03") else _LIMITS.get(name, (0, 10_000))
            if not low <= value < high:
                raise self.out_of_range(name)
            self.fields[name] = value
            if name == "second" and _FRACTION.match(self.rest) and "." not in self.layout and "," not in self.layout:
                self.fraction(self.match(_FRACTION, element))
        elif element in _NAMES:
            self.fields["month"] = self.name(_NAMES[element], element) + 1
        elif element in _DAYS:
            self.name(_DAYS[element], element)
        elif element in ("PM", "pm"):
            half = self.match("AM|PM" if element == "PM" else "am|pm", element)
            self.fields["half"] = half.lower() == "pm"
        elif element[0] in ".,":
            if element[1] == "0" or _FRACTION.match(self.rest):
                width = f"{{{len(element) - 1}}}" if element[1] == "0" else "+"
                self.fraction(self.match(rf"[.,][0-9]{width}", element))
        elif element == "MST":
            self.zone = self.match(_ZONE, element)
        else:
            self.offset(element)

    def name(self, names: tuple[str, ...], element: str) -> int:
        for i, name in enumerate(names):
            if self.rest[: len(name)].lower() == name.lower():
                self.rest = self.rest[len(name) :]
                return i
        raise self.error(self.rest, element)

    def fraction(self, text: str) -> None:
        self.fields["nanosecond"] = int(text[1:10].ljust(9, "0"))

    def offset(self, element: str) -> None:
        if element[0] == "Z" and self.rest.startswith("Z"):
            self.rest = self.rest[1:]
            return
        pattern = re.sub("[0-9]", "[0-9]", element[1:])
        text = self.match(f"[+-]{pattern}", element)
        digits = text[1:].replace(":", "").ljust(6, "0")
        seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
        self.fields["offset"] = -seconds if text[0] == "-" else seconds


def read_time(layout: str, text: str) -> tuple[int, int, str]:
    """Nanoseconds since the epoch, the offset in seconds east of UTC, and the name of the zone, read from the text.

    What the layout leaves out is zero, or the first of January. Raises ValueError in the words of Go.
    """
    reader = _Reader(layout, text)
    for part, is_element in split_layout(layout):
        if is_element:
            reader.element(part)
        else:
            reader.literal(part)
    if reader.rest:
        problem = f": extra text: {quote_time_text(reader.rest)}"
        raise ValueError(f"parsing time {quote_time_text(text)}{problem}")
    fields = reader.fields
    if "short_year" in fields:
        fields["year"] = fields["short_year"] + (1900 if fields["short_year"] >= 69 else 2000)
    if "half" in fields:
        fields["hour"] = fields["hour"] % 12 + 12 * fields["half"]
    if "year_day" in fields and "month" not in fields:
        days = days_from_civil(fields["year"], 1, 1) + fields["year_day"] - 1
    else:
        month, day = fields.get("month", 1), fields.get("day", 1)
        if not 1 <= day <= days_in_month(fields["year"], month):
            raise reader.out_of_range("day")
        days = days_from_civil(fields["year"], month, day)
    seconds = days * 86_400 + fields["hour"] * 3600 + fields["minute"] * 60 + fields["second"] - fields["offset"]
    return seconds * 1_000_000_000 + fields["nanosecond"], fields["offset"], reader.zone

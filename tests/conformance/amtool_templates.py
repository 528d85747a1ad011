"""Random notifications, and random templates over them that use every function and method that templates have."""

import json
import random
from collections.abc import Callable

import attrs

from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.notify.data import KV, Data, build_data

TEXTS = (
    "",
    "a",
    "firing",
    "web-1.example.com:9090",
    "  two words\t",
    "ÉCOLE straße",
    '<b>"hot" & bothered</b>',
    "https://r.example/?a=1&b=ü#c",
    "javascript:alert(1)",
    "a%20b+c%2Fd",
    "it's o'neil's x_y",
    "0.75",
    "-183845",
    "12",
    "YS1i_w==",
    "2026-03-29T02:30:00",
    "line\nbreak",
    "日本語 🙂",
)
NAMES = ("alertname", "job", "instance", "severity", "zone", "größe", "summary", "runbook")
LAYOUTS = (
    "2006-01-02T15:04:05Z07:00",
    "Mon, 02 Jan 2006 15:04:05 MST",
    "3:04PM on January _2",
    "2006-01-02T15:04:05",
    "Jan 2 '06 05.000",
    "02/01/2006 15h -0700 .999999",
)
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "")
PATTERNS = ("^a.*", "[a-z]+", "(\\\\w+)-(\\\\d)", "^$", ".", "é|ü", "(?i)école", "b+|a")
REPLACEMENTS = ("x", "$1", "${1}0", "$2-$1", "$$", "$name")
FORMATS = ("%v", "%s", "%q", "%8v|", "%-6s|", "%.2s", "%d", "%5.1f", "%x", "%t", "%T", "%+v", "%%", "%05d", "%e")
DURATIONS = ("1h30m", "-30m", "250ms", "0", "1.5s", "soon")


def make_data(chance: random.Random) -> Data:
    """What a random notification shows to templates."""
    shared = _labels(chance, 3)
    alerts = tuple(_alert(chance, shared) for _ in range(chance.randint(1, 4)))
    notification = Notification(
        1_774_000_000_000,
        chance.choice(("team-X (a.b)", "pager", "a|b")),
        "webhook",
        0,
        "{}:{}",
        Labels(dict(chance.sample(sorted(shared.items()), chance.randint(0, len(shared))))),
        alerts,
        chance.choice(tuple(NotifyReason)),
    )
    data = build_data(notification, "http://am.example/x", "0.34")
    return attrs.evolve(data, route_labels=KV(_labels(chance, 2)))


def _labels(chance: random.Random, count: int) -> dict[str, str]:
    return {chance.choice(NAMES): chance.choice(TEXTS[1:]) for _ in range(chance.randint(0, count))}


def _alert(chance: random.Random, shared: dict[str, str]) -> NotifiedAlert:
    is_firing = chance.random() < 0.6
    start = chance.randrange(1_700_000_000_000, 1_790_000_000_000)
    return NotifiedAlert(
        Labels({**_labels(chance, 3), **shared, "n": str(chance.randrange(9))}),
        Labels(_labels(chance, 2)),
        AlertStatus.FIRING if is_firing else AlertStatus.RESOLVED,
        start,
        None if is_firing else start + chance.randrange(10_000_000),
        chance.choice(TEXTS),
    )


PLACES = (
    "%s",
    "<p>%s</p>",
    "<a href='%s'>x</a>",
    '<a href="/x?q=%s&r=1">x</a>',
    '<a title="%s" href="https://x/%s#f">',
    "<a title=%s>",
    "<script>var x = %s;</script>",
    "<script>f('%s')</script>",
    '<p onclick="f(%s)">',
    "<style>p { color: %s }</style>",
    '<p style="color: %s">',
    "<textarea>%s</textarea>",
    "<!-- %s -->",
    '<img src="%s" alt="a">',
)


@attrs.define
class Writer:
    """Writes a random template; `odd` is how often an argument is of a type that was not asked for."""

    chance: random.Random
    odd: float = 0.0
    is_page: bool = False
    budget: int = 0
    aim: str = "."  # where the notification is, seen from inside `range` and `with`

    def template(self) -> str:
        """A template of a few parts."""
        self.aim = "."
        return "".join(self._placed() for _ in range(self.chance.randint(1, 3)))

    def _placed(self) -> str:
        """A part, somewhere on the page where it is one."""
        if not self.is_page:
            return self._part()
        place = self.chance.choice(PLACES)
        return "".join(piece + self._part() for piece in place.split("%s")[:-1]) + place.rsplit("%s", 1)[1]

    def _part(self, depth: int = 0) -> str:
        pick = self.chance.random()
        trim, end = self.chance.choice(("", "", "", "- ")), self.chance.choice(("", "", " -"))
        self.budget = self.chance.randint(1, 9)
        if depth > 1 or pick < 0.6:
            either = f"{self.chance.choice(('and', 'or'))} ({self.any()}) " if self.chance.random() < 0.1 else ""
            return f" [{{{{{trim}{either}({self.any()}){end}}}}}] "
        if pick < 0.75:
            other = self.chance.choice(("", f"{{{{else}}}}{self._part(depth + 1)}", f"{{{{else if {self.bool()}}}}}i"))
            return f"{{{{if {self.any()}}}}}{self._part(depth + 1)}{other}{{{{end}}}}"
        if pick < 0.8:
            return f"{{{{with $v := {self.any()}}}}}{{{{$v}}}}{{{{else}}}}none{{{{end}}}}"
        if pick < 0.9:
            several = self._pick(self.list, self.kv)
            return f"{{{{range $i, $v := {several}}}}}{{{{$i}}}}={{{{$v}}}},{{{{else}}}}-{{{{end}}}}"
        return f"{{{{range $.Alerts}}}}{self._inside('$.', depth + 1)}{{{{end}}}}"

    def _inside(self, aim: str, depth: int) -> str:
        before, self.aim = self.aim, aim
        written, self.aim = self._part(depth), before
        return written

    def _pick(self, *choices: Callable[[], str]) -> str:
        self.budget -= 1
        return self.chance.choice(choices)()

    def _of(self, wanted: Callable[[], str]) -> str:
        """An argument of a type, mostly."""
        return f"({self.any() if self.chance.random() < self.odd else wanted()})"

    def any(self) -> str:
        """A value of any type."""
        return self._pick(
            self.text, self.text, self.text, self.number, self.bool, self.time, self.span, self.list, self.kv
        )

    def literal(self) -> str:
        return json.dumps(self.chance.choice(TEXTS), ensure_ascii=False)

    def text(self) -> str:
        if self.budget < 0:
            return self.literal()
        call = self.chance.choice
        s, several = self._of, self.chance.randint(0, 2)
        return self._pick(
            self.literal,
            lambda: f"{self.aim}{call(('Receiver', 'Status', 'ExternalURL', 'NotificationReason'))}",
            lambda: f"index {self.aim}CommonLabels {json.dumps(call(NAMES))}",
            lambda: f"{self._alert()}.Labels.{call(('job', 'zone', 'n', 'größe'))}",
            lambda: f"{self._alert()}.{call(('GeneratorURL', 'Fingerprint', 'Status'))}",
            lambda: f"{call(('toUpper', 'toLower', 'title', 'trimSpace', 'urlUnescape'))} {s(self.text)}",
            lambda: f"{s(self.text)} | {call(('base64encode', 'base64decode', 'html', 'js', 'urlquery'))}",
            lambda: f"{s(self.text)} | {call(('safeHtml', 'safeUrl'))}",
            lambda: f'printf "{"".join(self.chance.choices(FORMATS, k=several))}" ({self._plain()}) ({self._plain()})',
            lambda: f"{call(('print', 'println'))} {s(self.any)} {s(self.any)} {s(self.any)}",
            lambda: f"join {self.literal()} {s(self.list)}",
            lambda: f'reReplaceAll "{call(PATTERNS)}" "{call(REPLACEMENTS)}" {s(self.text)}',
            lambda: f'date "{call(LAYOUTS)}" {s(self.time)}',
            lambda: f'({self.time()}).Format "{call(LAYOUTS)}"',
            lambda: f"toJson {s(self.any)}",
            lambda: f"humanizeDuration {s(self._pick_number)}",
            lambda: f"({self.span()}).String",
            lambda: f"({self._labels()}).String",
            lambda: f"routeLabels {json.dumps(call(NAMES))}",
            lambda: f"slice {s(self.text)} {call(('', '1', '0 1', '1 2'))}",
            lambda: f"{self.aim}CommonLabels.Values.Join {self.literal()}",
        )

    def _plain(self) -> str:
        """What every verb of `printf` formats by what it shows, not by what it is made of."""
        return self._pick(self.text, self.number, self.bool, self.span, self._labels)

    def _pick_number(self) -> str:
        return self._pick(self.number, self.text)

    def _alert(self) -> str:
        return self._pick(
            lambda: f"(index {self.aim}Alerts 0)",
            lambda: f"(index {self.aim}Alerts 0)",
            lambda: f"(index {self.aim}Alerts {self.chance.choice((0, 0, 0, 0, 1, 5))})",
            lambda: f"(index {self.aim}Alerts.Firing 0)",
        )

    def number(self) -> str:
        literals = ("0", "1", "7", "-3", "0x1F", "1_000", "2.5", "1e3", "90061.5", "0.00012")
        if self.budget < 0:
            return self.chance.choice(literals)
        parts = ("Year", "Day", "Hour", "Minute", "Second", "Nanosecond", "YearDay", "Unix", "UnixMilli", "UnixNano")
        return self._pick(
            lambda: self.chance.choice(literals),
            lambda: f"len {self._of(self._pick_sized)}",
            lambda: f"({self.time()}).{self.chance.choice(parts)}",
            lambda: f"({self.span()}).{self.chance.choice(('Seconds', 'Minutes', 'Hours', 'Milliseconds'))}",
            lambda: f'addDuration "{self.chance.choice(DURATIONS)}" {self._of(self.time)}',
        )

    def _pick_sized(self) -> str:
        return self._pick(self.text, self.list, self.kv)

    def bool(self) -> str:
        if self.budget < 0:
            return self.chance.choice(("true", "false"))
        same = self.chance.choice((self.text, self.number))
        return self._pick(
            lambda: f"{self.chance.choice(('eq', 'ne', 'lt', 'le', 'gt', 'ge'))} {self._of(same)} {self._of(same)}",
            lambda: f"not {self._of(self.any)}",
            lambda: f'match "{self.chance.choice(PATTERNS)}" {self._of(self.text)}',
            lambda: f"({self.time()}).{self.chance.choice(('Before', 'After', 'Equal'))} {self._of(self.time)}",
            lambda: f"({self.time()}).IsZero",
            lambda: f"now.After {self._of(self.time)}",
            lambda: f"lt (since {self._of(self.time)}).Hours 1.0",
        )

    def time(self) -> str:
        if self.budget < 0:
            return f"{self._alert()}.StartsAt"
        return self._pick(
            lambda: f"{self._alert()}.{self.chance.choice(('StartsAt', 'EndsAt'))}",
            lambda: f'{self._pick_parser()} "{self.chance.choice(LAYOUTS)}" {self._of(self.text)}',
            lambda: 'toDate "2006-01-02T15:04:05" "2026-03-29T02:30:00"',
            lambda: f'tz "{self.chance.choice(ZONES)}" {self._of(self.time)}',
            lambda: f"({self.time()}).{self.chance.choice(('UTC', 'AddDate 0 1 -3', 'AddDate 1 0 0'))}",
            lambda: f"({self.time()}).{self.chance.choice(('Add', 'Truncate', 'Round'))} {self._of(self.span)}",
        )

    def _pick_parser(self) -> str:
        return self.chance.choice(("toDate", "toDate", "toDate", "mustToDate"))

    def span(self) -> str:
        return f"({self.time()}).Sub {self._of(self.time)}"

    def list(self) -> str:
        if self.budget < 0:
            return "list"
        labels, part = self.chance.choice(("CommonLabels", "GroupLabels")), self.chance.choice(("Names", "Values"))
        return self._pick(
            lambda: f"{self.aim}{labels}.{part}",
            lambda: f"({self._labels()}).SortedPairs",
            lambda: f"stringSlice {self._of(self.text)} {self._of(self.text)}",
            lambda: f"list {self._of(self.any)} {self._of(self.any)}",
            lambda: f"append (list {self._of(self.any)}) {self._of(self.any)}",
            lambda: f"{self.aim}Alerts.{self.chance.choice(('Firing', 'Resolved'))}",
        )

    def _labels(self) -> str:
        names = ("CommonLabels", "GroupLabels", "CommonAnnotations", "RouteLabels")
        return self._pick(
            lambda: f"{self.aim}{self.chance.choice(names)}",
            lambda: f'{self.aim}CommonLabels.Remove (stringSlice "job" {self._of(self.text)})',
            lambda: f"{self._alert()}.{self.chance.choice(('Labels', 'Annotations'))}",
        )

    def kv(self) -> str:
        return self._pick(
            self._labels,
            self._labels,
            lambda: f"dict {self.literal()} {self._of(self.any)} {self.literal()} {self._of(self.any)}",
        )

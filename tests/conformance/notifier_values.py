"""Random values of configurations: templates, what looks like none, and structures of them."""


def text(rng):
    """A template, or what looks like none."""
    return rng.choice(
        (
            "",
            " plain  text ",
            'grüße 🙂 <&> "quoted" \\ back',
            "two\nlines\t",
            "{{ .CommonAnnotations.long }}",
            "{{ .CommonAnnotations.long }}",
            "<b>{{ .CommonAnnotations.long }}</b>",
            "{{ .Status }} {{ .Receiver }} {{ .NotificationReason }}",
            "{{ range .Alerts }}{{ .Labels }}: {{ .Annotations.summary }}\n{{ end }}",
            "{{ range .Alerts.Firing }}{{ .StartsAt }}{{ end }}{{ range .Alerts.Resolved }}{{ .EndsAt.Unix }}{{ end }}",
            "{{ .GroupLabels.SortedPairs.Values | join ',' }}" if rng.random() < 0.02 else "{{ .GroupLabels }}",
            '{{ .CommonLabels.team | toUpper }}{{ template "__subject" . }}',
            '{{ template "__text_alert_list" .Alerts }}',
            '{{ .RouteLabels.owner }}{{ routeLabels "owner" }}',
            "{{ .Nope }}" if rng.random() < 0.05 else "{{ len .Alerts }}",
            "{{ .ExternalURL }}/#/{{ .CommonLabels.alertname | urlquery }}",
        )
    )


def word(rng):
    return rng.choice(("ops", "#général", "{{ .CommonLabels.team }}", "a b", ""))


def flag(rng):
    return rng.random() < 0.5


def link(rng):
    return rng.choice(("http://x.test/i.png", "{{ .ExternalURL }}/i?a={{ .Status }}", "", "::no url"))


def go_duration(rng):
    return rng.choice(("30s", "1h", "1.5s", "900ms", "0s", "2m"))


def texts_of(rng):
    return {name: text(rng) for name in rng.sample(("a", "Ü", "b c", "z<>"), rng.randint(0, 3))}


def structure(rng, depth=2):
    """Any YAML; its texts are templates, some of which render to documents."""
    roll = rng.random()
    if depth and roll < 0.25:
        return {rng.choice(("k", "{{ .Status }}", "Ü")): structure(rng, depth - 1) for _ in range(rng.randint(0, 3))}
    if depth and roll < 0.4:
        return [structure(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if roll < 0.5:
        return rng.choice((1, 1.5, True, None, -3, 10**12))
    return rng.choice(
        (
            text(rng),
            "{{ .Alerts | toJson }}",
            "{{ .CommonLabels | toJson }}",
            "{{ .Status | toJson }}",
            "12",
            '"12"',
            "{{ len .Alerts }}",
            "1.50",
            "true",
            "null",
            "~",
            "[a, {b: 1, 2: c, yes: d, ~: e, '3': f, b: 2}]",
            "{a: [x, 'y: z'], b: '1'}",
            "key: value # no comment",
            "text # and no comment",
            "a:",
            "- x\n- y",
            "2026-01-02",
            "0x10",
            "'quoted'",
            "%",
            "@x",
            "a: b: c",
            "& x",
        )
    )


def field(short=True):
    def make(rng):
        entry = {"title": text(rng) or "t", "value": text(rng) or "v"}
        return entry | ({"short": flag(rng)} if short and flag(rng) else {})

    return make


def listed(make, most=3):
    return lambda rng: [make(rng) for _ in range(rng.randint(0, most))]


def some(**makers):
    """A mapping with some of these keys."""
    return lambda rng: {name: make(rng) for name, make in makers.items() if rng.random() < 0.6}


def always(value):
    return lambda _: value


def one_of(*values):
    return lambda rng: rng.choice(values)


def slack_action(rng):
    action = {"type": "button", "text": text(rng) or "b", "style": word(rng), "value": text(rng)}
    confirm = {"text": text(rng) or "sure?", **some(title=text, ok_text=text, dismiss_text=text)(rng)}
    return (
        action
        | ({"url": link(rng) or "u"} if flag(rng) else {"name": "n"})
        | ({"confirm": confirm} if flag(rng) else {})
    )


def responder(rng):
    kind = rng.choice(("team", "teams", "USER", "escalation", "{{ .Status }}", "schedule"))
    return {
        rng.choice(("id", "name", "username")): rng.choice(("a", "a,b,,c", "{{ .CommonLabels.team }}")),
        "type": kind,
    }


def mattermost_priority(rng):
    return {"priority": rng.choice(("urgent", "IMPORTANT", "standard", "odd", "{{ .Status }}", ""))} | some(
        requested_ack=flag, persistent_notifications=flag
    )(rng)


MATTERMOST_TEXTS = (
    "fallback", "color", "pretext", "text", "author_name", "author_link", "author_icon", "title", "title_link",
    "thumb_url", "footer", "footer_icon", "image_url",
)  # fmt: skip
SIGV4 = {"region": "eu-west-1", "access_key": "AKID", "secret_key": "k"}


def jira_text(rng):
    template = rng.choice((text(rng), "{{ .CommonAnnotations.long }}"))
    return {"template": template, "enable_update": flag(rng)} if flag(rng) else template

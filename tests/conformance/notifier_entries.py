"""The keys of each integration's entries, and how to fill them at random."""

from tests.conformance.notifier_values import (
    MATTERMOST_TEXTS,
    SIGV4,
    always,
    field,
    flag,
    go_duration,
    jira_text,
    link,
    listed,
    mattermost_priority,
    one_of,
    responder,
    slack_action,
    some,
    structure,
    text,
    texts_of,
    word,
)

HOOK = "https://hook.test/a b/%C3%BC?x=1&y=%20"

# What each entry must have (one of several), and what it may have.
ENTRIES = {
    "webhook": (
        ({"url": HOOK}, {"url": "http://hook.test/{{ .Status }}"}, {"url_file": "FILE/url"}),
        {"max_alerts": one_of(0, 1, 2, 99), "timeout": go_duration, "payload": structure},
    ),
    "email": (
        (
            {"to": "Ann <a@x.test>, b@x.test"},
            {"to": "{{ .CommonLabels.team }}@x.test"},
            {"to": '"Q, \\"x\\"" <q@x.test>'},
            {"to": "ü@x.test"},
        ),
        {
            "from": one_of("me@x.test", "Me <me@x.test>", "a@x.test, b@x.test"),
            "hello": one_of("me.test"),
            "headers": lambda rng: {
                name: text(rng).replace("\n", " ")
                for name in rng.sample(("subject", "X-A", "reply-to", "message-id"), 2)
            },
            "html": text,
            "text": text,
            "threading": one_of(
                {"enabled": True, "thread_by_date": "daily"}, {"enabled": True, "thread_by_date": "none"}
            ),
            "auth_username": always("u"),
            "auth_identity": always("i"),
            "auth_password": always("p"),
            "auth_secret_file": always("FILE/token"),
            "force_implicit_tls": always(False),
            "require_tls": always(False),
        },
    ),
    "pagerduty": (
        (
            {"routing_key": "key"},
            {"routing_key": "{{ .CommonLabels.team }}"},
            {"routing_key_file": "FILE/token"},
            {"service_key": "key"},
            {"service_key_file": "FILE/token"},
        ),
        {
            "url": always("http://pd.test/v2/enqueue"),
            "client": text,
            "client_url": text,
            "description": text,
            "details": lambda rng: {
                rng.choice(("firing", "resolved", "own", "{{ .Status }}")): structure(rng) for _ in range(2)
            },
            "images": listed(some(src=link, alt=text, href=link)),
            "links": listed(some(href=link, text=text)),
            "source": text,
            "severity": one_of("error", "{{ .CommonLabels.severity }}", ""),
            "class": text,
            "component": text,
            "group": text,
            "timeout": go_duration,
        },
    ),
    "opsgenie": (
        ({"api_key": "key"}, {"api_key": " {{ .CommonLabels.team }}"}, {"api_key_file": "FILE/token"}, {}),
        {
            "api_url": one_of("http://og.test", "https://og.test/base/?a=1"),
            "message": text,
            "description": text,
            "source": text,
            "details": texts_of,
            "entity": text,
            "responders": listed(responder),
            "actions": one_of("a,b,,c", " x , y ", "{{ .Status }},", ""),
            "tags": one_of("a,b,,c", " x , y ", "{{ .Status }},", ""),
            "note": text,
            "priority": one_of("P1", "{{ .Status }}"),
            "update_alerts": flag,
        },
    ),
    "wechat": (
        (
            {"api_secret": "s &=", "corp_id": "c"},
            {"api_secret_file": "FILE/token", "corp_id": "{{ .CommonLabels.team }}"},
            {},
        ),
        {
            "api_url": one_of("http://wx.test/cgi-bin", "https://wx.test/b/?a=1"),
            "message": text,
            "to_user": word,
            "to_party": word,
            "to_tag": word,
            "agent_id": word,
            "message_type": one_of("text", "markdown"),
        },
    ),
    "slack": (
        (
            {"api_url": HOOK},
            {"api_url_file": "FILE/url"},
            {"app_token": "xoxb"},
            {"app_token_file": "FILE/token"},
            {"app_token": "xoxb", "update_message": True},
            {"app_token": "xoxb", "post_updates_to_thread": True},
            {"app_token": "xoxb", "update_message": True, "post_updates_to_thread": True},
            {},
        ),
        {
            "app_url": always("https://slack.com/api/chat.postMessage"),
            "channel": word,
            "username": word,
            "color": text,
            "title": text,
            "title_link": link,
            "pretext": text,
            "text": text,
            "message_text": text,
            "fields": listed(field()),
            "short_fields": flag,
            "footer": text,
            "fallback": text,
            "callback_id": text,
            "icon_emoji": word,
            "icon_url": link,
            "image_url": link,
            "thumb_url": link,
            "link_names": flag,
            "mrkdwn_in": one_of([], ["text"], ["pretext", "fields"]),
            "actions": listed(slack_action),
            "timeout": go_duration,
        },
    ),
    "victorops": (
        (
            {"api_key": "a/b c", "routing_key": "team"},
            {"api_key_file": "FILE/token", "routing_key": "{{ .CommonLabels.team }} ü?"},
            {"routing_key": "r"},
        ),
        {
            "api_url": one_of("http://vo.test/alert", "https://vo.test/a/"),
            "message_type": one_of("CRITICAL", "INFO", "{{ .Status }}", "odd", "WARNING", ""),
            "state_message": text,
            "entity_display_name": text,
            "monitoring_tool": text,
            "custom_fields": texts_of,
        },
    ),
    "pushover": (
        (
            {"user_key": "u", "token": "t"},
            {"user_key": "{{ .CommonLabels.team }}", "token_file": "FILE/token"},
            {"user_key_file": "FILE/token", "token": " t&= "},
        ),
        {
            "title": text,
            "message": text,
            "url": text,
            "url_title": text,
            "device": word,
            "sound": word,
            "priority": one_of("1", "{{ .Status }}"),
            "retry": go_duration,
            "expire": go_duration,
            "ttl": go_duration,
            "html": flag,
            "monospace": always(False),
        },
    ),
    "sns": (
        (
            {"topic_arn": "arn:aws:sns:eu-west-1:1:t", "sigv4": SIGV4},
            {"topic_arn": "arn:{{ .Status }}.fifo", "sigv4": SIGV4},
            {"phone_number": "+49 1", "sigv4": SIGV4},
            {"target_arn": "arn:x", "sigv4": SIGV4},
        ),
        {
            "api_url": one_of(
                "http://sns.test",
                "https://{{ .CommonLabels.team }}.test/",
                "http://sns.test/base",
                "http://sns.test/b//c/../d/",
            ),
            "subject": text,
            "message": text,
            "attributes": texts_of,
            "use_aws_http_client": always(False),
        },
    ),
    "telegram": (
        (
            {"bot_token": "1:t", "chat_id": -100},
            {"bot_token_file": "FILE/token", "chat_id": 7},
            {"chat_id_file": "FILE/chat"},
        ),
        {
            "api_url": one_of("http://tg.test", "https://tg.test/base"),
            "message_thread_id": one_of(0, 5),
            "message": text,
            "disable_notifications": flag,
            "parse_mode": one_of("", "Markdown", "MarkdownV2", "HTML", "HTML"),
            "timeout": go_duration,
        },
    ),
    "discord": (
        ({"webhook_url": HOOK}, {"webhook_url_file": "FILE/url"}),
        {"content": text, "title": text, "message": text, "username": word, "avatar_url": link},
    ),
    "webex": (
        ({"room_id": "room", "http_config": {"authorization": {"credentials": "bot"}}},),
        {"api_url": always("http://webex.test/v1/messages"), "message": text, "room_id": one_of("r", "{{ .Status }}")},
    ),
    "msteams": (
        ({"webhook_url": HOOK}, {"webhook_url_file": "FILE/url"}),
        {"title": text, "summary": text, "text": text},
    ),
    "msteamsv2": (
        ({"webhook_url": HOOK}, {"webhook_url_file": "FILE/url"}),
        {"title": text, "text": text},
    ),
    "jira": (
        (
            {"project": "OPS", "issue_type": "Bug"},
            {"project": '{{ .CommonLabels.team }}"x', "issue_type": "{{ .Status }}"},
        ),
        {
            "api_url": one_of(
                "http://jira.test/rest/api/2",
                "https://x.atlassian.net/rest/api/2/",
                "https://x.atlassian.net/rest/api/3",
                "http://jira.test/rest/api/3/",
            ),
            "api_type": one_of("auto", "cloud", "datacenter"),
            "summary": jira_text,
            "description": one_of(
                '{"type":"doc","version":1, "content":[{"text":"<{{ .Status }}>"}]}',
                {"template": "{{ .CommonAnnotations.long }}", "enable_update": False},
                "",
                " ",
                "{{ .Status | toJson }}",
                "{{ .CommonLabels | toJson }}",
            ),
            "labels": listed(word),
            "priority": text,
            "reopen_transition": one_of("Reopen", ""),
            "resolve_transition": one_of("Done", ""),
            "wont_fix_resolution": one_of('Won\'t "Fix"', ""),
            "reopen_duration": one_of("10m", "90s", "0s", "30s"),
            "fields": lambda rng: {
                rng.choice(("customfield_1", "summary", "description", "priority")): structure(rng) for _ in range(2)
            },
        },
    ),
    "incidentio": (
        (
            {"url": "http://io.test/a", "alert_source_token": "t"},
            {"url_file": "FILE/url", "alert_source_token_file": "FILE/token"},
            {"url": "http://io.test/a", "http_config": {"authorization": {"credentials": "t"}}},
        ),
        {"max_alerts": one_of(0, 1, 2, 99), "timeout": go_duration, "metadata": texts_of},
    ),
    "rocketchat": (
        ({"token": "t", "token_id": "i"}, {"token_file": "FILE/token", "token_id_file": "FILE/token"}, {}),
        {
            "api_url": one_of("http://rc.test", "https://rc.test/base/"),
            "channel": word,
            "color": text,
            "title": text,
            "title_link": link,
            "text": text,
            "message_text": text,
            "fields": listed(field()),
            "short_fields": flag,
            "emoji": word,
            "icon_url": link,
            "image_url": link,
            "thumb_url": link,
            "link_names": flag,
            "actions": listed(
                some(
                    type=word,
                    text=text,
                    url=link,
                    imageurl=link,
                    iswebview=flag,
                    webviewheightratio=word,
                    msg=text,
                    msginchatwindow=flag,
                    msgprocessingtype=word,
                )
            ),
        },
    ),
    "mattermost": (
        ({"webhook_url": HOOK}, {"webhook_url_file": "FILE/url"}, {}),
        {
            "channel": word,
            "username": word,
            **dict.fromkeys(MATTERMOST_TEXTS, text),
            "fields": listed(field()),
            "icon_url": link,
            "icon_emoji": word,
            "attachments": listed(some(**dict.fromkeys(MATTERMOST_TEXTS, text), fields=listed(field()))),
            "type": word,
            "props": some(card=text),
            "priority": mattermost_priority,
        },
    ),
}

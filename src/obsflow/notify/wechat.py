"""WeChat Work: a token for the secret, and with it the message."""

from typing import Final

import attrs

from obsflow.model.labels import quote
from obsflow.model.notifications import Notification
from obsflow.notify.answers import Answer, read_members
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_url, raise_problems, secret_of
from obsflow.notify.context import Context
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.outcome import FailureClass, Outcome, interpret_answer
from obsflow.notify.steps import Next, Step
from obsflow.notify.urls import encode_query, end_with_slash, extend_path
from obsflow.schema import field

_TYPES: Final = ("text", "markdown")
_ALWAYS: Final = frozenset({"text", "markdown"})
_USUAL: Final = (200, '{"access_token":"TOKEN"}')


@attrs.frozen
class WechatConfig:
    """One entry of `wechat_configs`; the texts are templates, the secret and `corp_id` too."""

    api_secret: Secret = field(parse=Secret, default=Secret())
    api_secret_file: str = field(default="")
    corp_id: str = field(default="")
    api_url: str = field(parse=parse_url, default="")
    message: str = field(default='{{ template "wechat.default.message" . }}')
    to_user: str = field(default='{{ template "wechat.default.to_user" . }}')
    to_party: str = field(default='{{ template "wechat.default.to_party" . }}')
    to_tag: str = field(default='{{ template "wechat.default.to_tag" . }}')
    agent_id: str = field(default='{{ template "wechat.default.agent_id" . }}')
    message_type: str = field(default="")
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=False)


def complete(config: WechatConfig, globals_: Globals) -> WechatConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    kind = config.message_type or "text"
    problems: list[str] = []
    if kind not in _TYPES:
        problems.append(f"weChat message type {quote(kind)} does not match valid options ^({'|'.join(_TYPES)})$")
    problems += at_most_one("api_secret", "api_secret_file")(config)
    url = config.api_url or globals_.wechat_api_url
    if not url:
        problems.append("no global Wechat URL set")
    secret, file = config.api_secret, config.api_secret_file
    if not (secret or file):
        secret, file = globals_.wechat_api_secret, globals_.wechat_api_secret_file
    if not (secret or file):
        problems.append("no global Wechat Api Secret set either inline or in a file")
    corp_id = config.corp_id or globals_.wechat_api_corp_id
    if not corp_id:
        problems.append("no global Wechat CorpID set")
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_secret=secret,
        api_secret_file=file,
        corp_id=corp_id,
        api_url=end_with_slash(url),
        message_type=kind,
        http_config=config.http_config or globals_.http_config,
    )


def begin(context: Context, notification: Notification, config: WechatConfig) -> Step:
    """The request for a token, which leads to the message. Every delivery asks for its own. Raises TemplateError."""
    text = context.texts(context.data(notification))
    secret = text(secret_of(config.api_secret, config.api_secret_file, context.files))
    query = encode_query({"corpsecret": secret, "corpid": text(config.corp_id)})
    url = f"{extend_path(config.api_url, 'gettoken').partition('?')[0]}?{query}"
    body = _message(context, notification, config)

    def read(answer: Answer) -> Next:
        members = read_members(answer.body, {"access_token": str}, ignore_rest=True)
        if members is None:
            return Outcome(reason="the answer to gettoken is not a JSON object", failure=FailureClass.OTHER)
        if not (token := members["access_token"]):
            return Outcome(reason=f"invalid APISecret for CorpID: {config.corp_id}", failure=FailureClass.OTHER)
        message_url = extend_path(config.api_url, "message/send", {"access_token": token})
        message = context.post_json(message_url, body, config.http_config)
        return Step(message, lambda answer: interpret_answer("wechat", answer))

    sent = {"User-Agent": context.user_agent}
    return Step(context.request("GET", url, sent, "", config.http_config), read, _USUAL)


def _message(context: Context, notification: Notification, config: WechatConfig) -> str:
    text = context.texts(context.data(notification))
    contents = dict.fromkeys(_TYPES, "") | {config.message_type: text(config.message)}
    members = {
        "text": {"content": contents["text"]},
        "touser": text(config.to_user),
        "toparty": text(config.to_party),
        "totag": text(config.to_tag),
        "agentid": text(config.agent_id),
        "safe": "0",
        "msgtype": config.message_type,
        "markdown": {"content": contents["markdown"]},
    }
    return encode_document(omit_empty(members, keep=_ALWAYS))

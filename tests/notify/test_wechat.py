"""Messages for WeChat Work: a token first, then the message."""

import pytest
from tests.notify.samples import deliver

from obsflow.notify import Globals, WechatConfig

GLOBALS = Globals(wechat_api_secret="S", wechat_api_corp_id="C", wechat_api_url="http://wx/cgi")
TOKEN = (200, '{"errcode":0,"access_token":"T&"}')


def test_a_message():
    """The token stands in the address of the message, which says what it is not as well."""
    config = WechatConfig(message="m {{ .Status }}", agent_id="7", to_user="@all")
    (token, message), outcome = deliver(config, TOKEN, (200, '{"errcode":0,"errmsg":"ok"}'), globals_=GLOBALS)
    assert (token.method, token.url, token.body) == ("GET", "http://wx/cgi/gettoken?corpid=C&corpsecret=S", "")
    assert (message.method, message.url) == ("POST", "http://wx/cgi/message/send?access_token=T%26")
    assert message.body == (
        '{"text":{"content":"m firing"},"touser":"@all","agentid":"7","safe":"0","msgtype":"text",'
        '"markdown":{"content":""}}\n'
    )
    assert outcome.is_delivered


def test_a_message_in_markdown():
    """Stands in another member."""
    config = WechatConfig(message="m", message_type="markdown", corp_id="{{ .Status }}", api_secret_file="/s")
    (token, message), _ = deliver(config, TOKEN, globals_=GLOBALS, files={"/s": "own\n"})
    assert token.url == "http://wx/cgi/gettoken?corpid=firing&corpsecret=own"
    assert message.body == ('{"text":{"content":""},"safe":"0","msgtype":"markdown","markdown":{"content":"m"}}\n')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"errcode":40001}', "invalid APISecret for CorpID: C"),
        ("<html>", "the answer to gettoken is not a JSON object"),
        ("[]", "the answer to gettoken is not a JSON object"),
        ('{"access_token":7}', "the answer to gettoken is not a JSON object"),
    ],
)
def test_without_a_token_there_is_no_message(body, reason):
    """And asking again would not help."""
    requests, outcome = deliver(WechatConfig(), (200, body), globals_=GLOBALS)
    assert len(requests) == 1
    assert (outcome.retry, outcome.reason) == (False, reason)


@pytest.mark.parametrize(
    ("answer", "retry", "reason"),
    [
        ((200, '{"errcode":42001,"errmsg":"access_token expired"}'), True, "access_token expired"),
        ((200, '{"errcode":40003,"errmsg":"invalid openid"}'), False, "invalid openid"),
        ((200, "no json"), True, "the answer is not a JSON object"),
        ((404, ""), True, "unexpected status code 404"),
    ],
)
def test_what_the_answer_means(answer, retry, reason):
    """A token that expired is worth another try, which gets a new one."""
    _, outcome = deliver(WechatConfig(), TOKEN, answer, globals_=GLOBALS)
    assert (outcome.retry, outcome.reason) == (retry, reason)

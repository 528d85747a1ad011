"""Messages for Amazon SNS, and their signature."""

import urllib.parse

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.errors import TemplateError
from obsflow.notify import Request, SnsConfig
from obsflow.notify.sigv4 import SigV4Config, sign

KEYS = SigV4Config(region="us-east-1", access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
GROUP = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def form(request):
    return dict(urllib.parse.parse_qsl(request.body, keep_blank_values=True, errors="surrogateescape"))


def test_a_message():
    """The form has its parameters in the order of their names, those of attributes too."""
    config = SnsConfig(sigv4=KEYS, topic_arn="arn:t", message="m & m", attributes={"b": "{{ .Status }}", "a": "1"})
    request = render(config)
    assert (request.method, request.url) == ("POST", "https://sns.us-east-1.amazonaws.com/")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert render(config, version="").headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["X-Amz-Date"] == "20231114T221320Z"
    assert request.body == (
        "Action=Publish&Message=m+%26+m&MessageAttributes.entry.1.Name=a"
        "&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=1"
        "&MessageAttributes.entry.2.Name=b&MessageAttributes.entry.2.Value.DataType=String"
        "&MessageAttributes.entry.2.Value.StringValue=firing&Subject=%5BFIRING%3A1%5D+HighLoad+%28a%29"
        "&TopicArn=arn%3At&Version=2010-03-31"
    )


def test_a_resolved_message_to_a_fifo_topic():
    """Carries the group's hash as its ids."""
    told = notification(alert(resolved_at=NOON), group_key="1")
    sent = form(render(SnsConfig(sigv4=KEYS, topic_arn="arn:t.fifo"), told))
    assert (sent["MessageDeduplicationId"], sent["MessageGroupId"]) == (GROUP, GROUP)
    assert sent["Subject"] == "[RESOLVED] HighLoad "


def test_a_text_message_is_cut():
    """At 1600 bytes, and says so in an attribute; others at 256 KiB."""
    sent = form(render(SnsConfig(sigv4=KEYS, phone_number="+1", subject="", message="a" + "é" * 800)))
    assert sent["Message"].encode("utf-8", "surrogateescape") == ("a" + "é" * 800).encode()[:1600]
    assert sent["MessageAttributes.entry.1.Name"] == "truncated"
    assert (sent["PhoneNumber"], "Subject" in sent) == ("+1", False)
    sent = form(render(SnsConfig(sigv4=KEYS, target_arn="arn:x", message="a" * (256 * 1024 + 1))))
    assert (len(sent["Message"]), sent["TargetArn"]) == (256 * 1024, "arn:x")


@pytest.mark.parametrize(
    ("config", "url"),
    [
        (SnsConfig(topic_arn="t", sigv4=SigV4Config(region="cn-north-1")), "https://sns.cn-north-1.amazonaws.com.cn/"),
        (SnsConfig(topic_arn="t", sigv4=SigV4Config(region="x"), api_url="http://{{ .Status }}"), "http://firing/"),
    ],
)
def test_addresses(config, url):
    """Follow from the region unless one is given; without keys the request is not signed."""
    request = render(config)
    assert request.url == url
    assert "Authorization" not in request.headers


def test_a_role_signs_with_keys_of_its_own():
    """Which are not those of the configuration."""
    sigv4 = SigV4Config(region="x", access_key="a", secret_key="s", role_arn="arn:r")
    assert "Authorization" not in render(SnsConfig(topic_arn="t", sigv4=sigv4)).headers


def test_without_a_region_there_is_no_address():
    """And no signature."""
    with pytest.raises(TemplateError, match=r"^region not configured"):
        render(SnsConfig(topic_arn="t"))


def test_signatures():
    """The published example of a form that is posted."""
    request = Request(
        "POST",
        "https://example.amazonaws.com/",
        {"Content-Type": "application/x-www-form-urlencoded"},
        "Param1=value1",
    )
    signed = sign(request, KEYS, "service", 1_440_938_160_000)
    assert signed.headers["X-Amz-Date"] == "20150830T123600Z"
    assert signed.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        " SignedHeaders=content-type;host;x-amz-date,"
        " Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"access_key": "a"}, "must provide a AWS SigV4 Access key and Secret Key if credentials are specified"),
        ({"secret_key": "a"}, "must provide a AWS SigV4 Access key and Secret Key if credentials are specified"),
        ({"external_id": "x"}, "external_id can only be used with role_arn"),
        ({"session_name": "xy"}, "session_name can only be used with role_arn"),
        ({"session_name": "x", "role_arn": "r"}, "session_name must match "),
        ({"tags": {"a": "b"}}, "tags can only be used with role_arn"),
        ({"tags": {"": "b"}, "role_arn": "r"}, "tag key must not be empty"),
        ({"tags": {"a" * 129: "b"}, "role_arn": "r"}, "tag key .* exceeds maximum length of 128"),
        ({"tags": {"a": "b" * 257}, "role_arn": "r"}, 'tag value for key "a" exceeds maximum length of 256'),
    ],
)
def test_what_a_signature_needs(members, message):
    """Both keys or none, and a role for what only a role has."""
    with pytest.raises(ValueError, match=f"^{message}"):
        SigV4Config(**members)

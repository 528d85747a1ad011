"""Issues in Jira: searched for, then created, updated and moved."""

import json

import pytest
from tests.notify.samples import NOON, alert, deliver, notification

from obsflow.errors import TemplateError
from obsflow.notify import Globals, JiraConfig
from obsflow.notify.jira import JiraText

LABEL = "ALERT{6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b}"
GLOBALS = Globals(jira_api_url="http://jira/rest/api/2")
FIRING = notification(alert(severity="warning"), group_key="1")
RESOLVED = notification(alert(resolved_at=NOON), group_key="1")
NOTHING = (200, '{"issues":[]}')


def config(**changes):
    return JiraConfig(**{"project": "P", "issue_type": "Bug", "summary": "s", "description": "d", **changes})


def found(category):
    status = {"name": "x", "statusCategory": {"key": category}}
    return (200, json.dumps({"issues": [{"key": "P-1", "fields": {"status": status}}]}))


def follow(config, *answers, told=FIRING, globals_=GLOBALS):
    return deliver(config, *answers, told=told, globals_=globals_)


def said(requests):
    return [f"{each.method} {each.url.removeprefix('http://jira/rest/api/2/')}" for each in requests]


def test_an_issue_that_is_created():
    """Where the search finds none; its members stand in the order of their names."""
    changes = {"labels": ("z", "A{{ .Status }}"), "fields": {"customfield_1": {"value": "{{ .Status }}"}, "x": [1]}}
    requests, outcome = follow(config(**changes), NOTHING, (201, ""))
    assert said(requests) == ["POST search", "POST issue"]
    assert dict(requests[0].headers) == {"Content-Type": "application/json", "Accept-Language": "en"}
    assert requests[0].body == (
        '{"fields":["status"],"jql":"statusCategory != Done and project=\\"P\\" and'
        f' labels=\\"{LABEL}\\" order by status ASC,resolutiondate DESC","maxResults":2}}\n'
    )
    assert requests[1].body == (
        '{"fields":{"customfield_1":{"value":"firing"},"description":"d","issuetype":{"name":"Bug"},'
        f'"labels":["{LABEL}","Afiring","z"],"priority":{{"name":"Medium"}},"project":{{"key":"P"}},"summary":"s",'
        '"x":[1]}}\n'
    )
    assert outcome.is_delivered


def test_nothing_is_created_for_what_is_resolved():
    """Without an issue there is nothing to do."""
    requests, outcome = follow(config(resolve_transition="Done"), NOTHING, told=RESOLVED)
    assert (said(requests), outcome.is_delivered) == (["POST search"], True)


TRANSITIONS = (200, '{"transitions":[{"id":"11","name":"To Do"},{"id":"21","name":"Done"}]}')


@pytest.mark.parametrize(
    ("told", "category", "changes", "sent"),
    [
        (FIRING, "new", {"reopen_transition": "To Do"}, None),
        (FIRING, "done", {"reopen_transition": "To Do"}, "11"),
        (FIRING, "done", {}, None),
        (RESOLVED, "new", {"resolve_transition": "Done"}, "21"),
        (RESOLVED, "done", {"resolve_transition": "Done"}, None),
        (RESOLVED, "new", {}, None),
    ],
)
def test_an_issue_that_exists(told, category, changes, sent):
    """Is updated, and then moved if its state is not that of the group and the way is configured."""
    answers = [found(category), (204, "")] + ([TRANSITIONS, (204, "")] if sent else [])
    requests, outcome = follow(config(**changes), *answers, told=told)
    moves = ["GET issue/P-1/transitions", "POST issue/P-1/transitions"] if sent else []
    assert said(requests) == ["POST search", "PUT issue/P-1", *moves]
    if sent:
        assert (requests[2].body, requests[3].body) == ("", f'{{"transition":{{"id":"{sent}"}}}}\n')
    assert outcome.is_delivered


def test_texts_that_are_not_updated():
    """Are those of the creation only."""
    texts = {"summary": {"template": "s", "enable_update": False}, "description": {"enable_update": False}}
    (_, update), _ = follow(config(**texts), found("new"))
    assert json.loads(update.body)["fields"].keys() == {"issuetype", "labels", "project", "priority"}
    (_, creation), _ = follow(config(**texts), NOTHING)
    assert json.loads(creation.body)["fields"]["summary"] == "s"


@pytest.mark.parametrize(
    ("changes", "told", "condition"),
    [
        (
            {"wont_fix_resolution": 'Won"t'},
            FIRING,
            r'(resolution is EMPTY or resolution != "Won\"t") and statusCategory != Done and ',
        ),
        (
            {"reopen_transition": "r", "reopen_duration": 3_600_000},
            FIRING,
            "(resolutiondate is EMPTY OR resolutiondate >= -60m) and ",
        ),
        ({"reopen_transition": "r", "reopen_duration": 3_600_000}, RESOLVED, "statusCategory != Done and "),
        ({"reopen_transition": "r"}, FIRING, "statusCategory != Done and "),
        ({"reopen_duration": 3_600_000}, FIRING, "statusCategory != Done and "),
    ],
)
def test_which_issues_are_looked_for(changes, told, condition):
    """Open ones; closed ones too if a firing group may reopen them."""
    (search,), _ = follow(config(**changes), told=told)
    assert json.loads(search.body)["jql"].partition("project=")[0] == condition


@pytest.mark.parametrize(
    ("api_type", "base", "url"),
    [
        ("auto", "https://x.atlassian.net/rest/api/2/", "https://x.atlassian.net/rest/api/3/search/jql"),
        ("datacenter", "https://x.atlassian.net/rest/api/2", "https://x.atlassian.net/rest/api/2/search"),
        ("cloud", "http://jira/rest/api/2", "http://jira/rest/api/3/search/jql"),
        ("auto", "http://jira/rest/api/2", "http://jira/rest/api/2/search"),
    ],
)
def test_where_issues_are_looked_for(api_type, base, url):
    """The cloud has another search."""
    (search,), _ = follow(config(api_type=api_type, api_url=base))
    assert search.url == url


def test_the_description_of_version_3_is_a_document():
    """And one that is none is an error before anything is sent."""
    base = {"api_url": "http://jira/rest/api/3"}
    (_, creation), _ = follow(config(description='{"type": "doc", "a": "<"}', **base), NOTHING)
    assert '"description":{"type":"doc","a":"\\u003c"}' in creation.body
    (_, creation), _ = follow(config(description=" ", **base), NOTHING)
    assert "description" not in creation.body
    with pytest.raises(TemplateError, match=r"^description template: invalid JSON for API v3$"):
        follow(config(**base))


def test_limits():
    """Of summary and description."""
    (_, creation), _ = follow(config(summary="é" * 256, description="é" * 32768), NOTHING)
    fields = json.loads(creation.body)["fields"]
    assert (fields["summary"], fields["description"]) == ("é" * 254 + "…", "é" * 32766 + "…")


@pytest.mark.parametrize(
    ("answers", "retry", "reason"),
    [
        (
            [(429, "slow")],
            True,
            "failed to look up existing issues: HTTP request to JIRA API: unexpected status code 429: slow",
        ),
        ([(200, "[]")], False, "failed to look up existing issues: the answer is no search result"),
        ([NOTHING, (400, "no")], False, 'failed to POST request to "issue": unexpected status code 400: no'),
        ([found("done"), (503, "")], True, 'failed to PUT request to "issue/P-1": unexpected status code 503'),
        ([found("done"), (204, ""), (500, "")], True, "unexpected status code 500"),
        ([found("done"), (204, ""), (200, "?")], False, "the answer is no list of transitions"),
        ([found("done"), (204, ""), (200, "{}")], False, "can't find transition To Do for issue P-1"),
        ([found("done"), (204, ""), TRANSITIONS, (409, "")], False, "unexpected status code 409"),
    ],
)
def test_what_can_fail(answers, retry, reason):
    """Every step; what is worth another try begins from the search again."""
    _, outcome = follow(config(reopen_transition="To Do"), *answers)
    assert (outcome.retry, outcome.reason) == (retry, reason)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "summary: expected a string or a mapping"),
        ({"template": 1}, "summary.template: expected a string"),
        ({"enable_update": "no"}, "summary.enable_update: expected a boolean"),
        ({"tmpl": ""}, 'summary.tmpl: unknown field "tmpl"'),
    ],
)
def test_what_a_text_cannot_be(value, message):
    """It is a template, or a mapping of two keys."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        follow(config(summary=value))


def test_texts_keep_their_default_templates():
    """Where the mapping names no other."""
    assert JiraConfig().summary == JiraText('{{ template "jira.default.summary" . }}')
    (_, creation), _ = follow(config(summary={"enable_update": True}), NOTHING)
    assert json.loads(creation.body)["fields"]["summary"] == "[FIRING:1] HighLoad (warning)"

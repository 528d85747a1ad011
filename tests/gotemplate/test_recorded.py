"""Templates executed by Go 1.26, each with what it printed or the error it gave."""

import pathlib

import pytest

from obsflow.errors import TemplateError, TemplateSyntaxError
from tests.gotemplate.shapes import from_json, read_cases, sample, templates

_HERE = pathlib.Path(__file__).parent


def _outcome(case, *, html):
    """What the case gives, under the key of the recorded file."""
    data = sample() if case.get("sample") else from_json(case.get("data"))
    try:
        template = templates(html=html).parse(case["template"], case.get("name", ""))
        return {"output": template.execute(data)}
    except TemplateSyntaxError as error:
        return {"syntax": error.summary}
    except TemplateError as error:
        return {"error": str(error)}


@pytest.mark.parametrize(("file", "html"), [("text_cases.jsonl", False), ("html_cases.jsonl", True)])
def test_recorded_cases(file, html):
    """Output, execution errors and syntax errors are those that Go gave."""
    wrong = []
    count = 0
    for case in read_cases(_HERE / file):
        count += 1
        expected = {key: case[key] for key in ("output", "error", "syntax") if key in case}
        outcome = _outcome(case, html=html)
        if outcome != expected:
            wrong.append((case["template"], expected, outcome))
    assert not wrong
    assert count > 1000

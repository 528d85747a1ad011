"""Templates rendered here and by `amtool template render` of the newest Alertmanager."""

import random
import re
import subprocess
import time

import pytest

from obsflow.errors import TemplateError, TemplateSyntaxError
from obsflow.gotemplate.json import encode_json
from obsflow.notify.default_templates import default_templates
from obsflow.notify.templates import Templates
from tests.conformance.amtool_templates import Writer, make_data
from tests.external import newest_alertmanager

SEPARATOR = "\n=====\n"
DATA_SETS = 8


# Of these errors of pages, Go gives one no place, and says of the other in which pass it noticed.
_UNPLACED = re.compile(r'^html/template::\d+:\d+: (?="=" in unquoted attr)')
_PASS = "on range loop re-entry: "


class Amtool:
    """Renders by the program, all at once what does not fail."""

    def __init__(self, directory, data):
        self._program = newest_alertmanager("amtool")
        self._directory = directory
        (directory / "none.tmpl").write_text("")
        (directory / "data.json").write_text(encode_json(data), "utf-8")

    def render(self, text, kind):
        """What a template gives, or the error, and whether it is one."""
        arguments = [
            "template",
            "render",
            f"--template.glob={self._directory}/*.tmpl",
            f"--template.data={self._directory}/data.json",
            f"--template.type={kind}",
            f"--template.text={text}",
        ]
        done = subprocess.run([self._program, *arguments], capture_output=True, check=False, timeout=60)
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "surrogateescape"), False
        error = done.stderr.decode("utf-8", "surrogateescape").strip()
        return error.removeprefix("amtool: error: ").replace(_PASS, ""), True

    def render_all(self, texts, kind):
        """The same of templates that are not expected to fail, as few runs as that takes."""
        if not texts:
            return []
        joined, failed = self.render(SEPARATOR.join(texts), kind)
        if not failed:
            return [(text, False) for text in joined.split(SEPARATOR)]
        if len(texts) == 1:
            return [(joined, True)]
        half = len(texts) // 2
        return self.render_all(texts[:half], kind) + self.render_all(texts[half:], kind)


def render_here(templates, text, kind, data):
    """What a template gives, or the error, and whether it is one."""
    try:
        return (templates.render_text if kind == "text" else templates.render_html)(text, data), False
    except TemplateSyntaxError as error:
        return error.summary, True
    except TemplateError as error:
        return _UNPLACED.sub("html/template: ", str(error).replace("*template.Data", "template.Data")), True


def differences(directory, texts, kind, seed):
    """Of templates over the notification of a number: those that come out otherwise, and how many failed."""
    data = make_data(random.Random(seed))
    templates, amtool = Templates(), Amtool(directory, data)
    templates.at(round(time.time() * 1000))
    ours = [render_here(templates, text, kind, data) for text in texts]
    well = [i for i, (_, failed) in enumerate(ours) if not failed]
    theirs = dict(zip(well, amtool.render_all([texts[i] for i in well], kind), strict=True))
    for i in range(len(texts)):
        if i not in theirs:
            theirs[i] = amtool.render(texts[i], kind)
    found = [f"{text}\n  {ours[i]}\n  {theirs[i]}" for i, text in enumerate(texts) if ours[i] != theirs[i]]
    return found, len(texts) - len(well)


@pytest.mark.parametrize("seed", range(DATA_SETS))
def test_default_templates(seed, tmp_path):
    """Every template that Alertmanager brings along renders the same."""
    names = re.findall(r'define "([^"]*)"', default_templates("0.34"))
    of_alerts = ("__text_alert_list", "__text_alert_list_markdown", "pagerduty.default.instances")
    texts = [f'{{{{ template "{name}" {".Alerts" if name in of_alerts else "."} }}}}' for name in names]
    assert len(texts) > 50
    for kind in ("text", "html"):
        # The page of mails, which is only ever rendered as HTML, begins with a comment there, which that leaves out.
        chosen = [text for text in texts if kind == "html" or "email.default.html" not in text]
        found, failed = differences(tmp_path, chosen, kind, seed)
        assert not found, "\n".join(found)
        assert not failed


@pytest.mark.parametrize("kind", ["text", "html"])
@pytest.mark.parametrize("seed", range(DATA_SETS))
def test_random_templates(seed, kind, tmp_path):
    """Random templates give the same text, or the same error."""
    writer = Writer(random.Random(seed), odd=0.03, is_page=kind == "html")
    texts = [writer.template() for _ in range(80)]
    found, failed = differences(tmp_path, texts, kind, seed)
    assert not found, f"{len(found)} differ\n" + "\n".join(found)
    assert 0 < failed < len(texts) * 2 // 3

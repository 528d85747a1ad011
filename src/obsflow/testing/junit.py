"""Test results as JUnit XML, which build servers read."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence

from obsflow.testing.outcome import CaseOutcome
from obsflow.testing.promql_tests.runner import Verdict

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(suites: Mapping[str, Sequence[CaseOutcome]]) -> str:
    """A document with a `testsuite` for each file and a `testcase` for each test; characters XML lacks become `?`."""
    root = ET.Element("testsuites")
    _count(root, [each for outcomes in suites.values() for each in outcomes])
    for name, outcomes in suites.items():
        suite = ET.SubElement(root, "testsuite", name=_clean(name))
        _count(suite, outcomes)
        for outcome in outcomes:
            _add_case(suite, outcome)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _count(element: ET.Element, outcomes: Iterable[CaseOutcome]) -> None:
    verdicts = [each.verdict for each in outcomes]
    element.set("tests", str(len(verdicts)))
    element.set("failures", str(verdicts.count(Verdict.FAILED)))
    element.set("errors", "0")
    element.set("skipped", str(verdicts.count(Verdict.SKIPPED)))


def _add_case(suite: ET.Element, outcome: CaseOutcome) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        name=_clean(outcome.title),
        classname=_clean(outcome.source),
        file=_clean(outcome.source),
        line=str(outcome.line),
    )
    match outcome.verdict:
        case Verdict.FAILED:
            for finding in outcome.findings:
                failure = ET.SubElement(case, "failure", message=_clean(finding.title))
                failure.text = _clean(str(finding))
        case Verdict.SKIPPED:
            ET.SubElement(case, "skipped", message=_clean("; ".join(outcome.skipped)))


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)

"""What `check` says of each model as JUnit's XML, which CI servers show among their tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from shapescope.diagnostic import Diagnostic, Severity
from shapescope.render.annotations import message_parts
from shapescope.render.checked import Entry
from shapescope.render.diagnostics import one_line
from shapescope.render.shapes import printable


def junit_xml(entries: Sequence[Entry]) -> str:
    """A test case for each model, which fails where the model has errors.

    What is no error stands in the output of its case.
    """
    cases = [_case(model, problems) for model, _, problems in entries]
    failed = sum(case.find("failure") is not None for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", {"name": "shapescope check", **counts})
    suite.extend(cases)
    indent(suites)
    text = tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _case(model: str, problems: Sequence[Diagnostic]) -> Element:
    case = Element("testcase", {"classname": "shapescope", "name": printable(model)})
    errors = [one for one in problems if one.severity is Severity.ERROR]
    others = [one for one in problems if one.severity is not Severity.ERROR]
    if errors:
        about = {"type": errors[0].rule, "message": one_line(errors[0], model)}
        SubElement(case, "failure", about).text = _told(errors, model)
    if others:
        SubElement(case, "system-out").text = _told(others, model)
    return case


def _told(problems: Sequence[Diagnostic], model: str) -> str:
    """Each problem in a paragraph; what XML cannot hold is escaped as for a terminal."""
    paragraphs = ["\n".join([one_line(one, model), *message_parts(one)[1:]]) for one in problems]
    return "\n\n".join(
        "\n".join(map(printable, paragraph.splitlines())) for paragraph in paragraphs
    )

"""The registry of rules, and their pages."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from shapescope.analysis.diagnosis import registry, rules
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules import FAMILIES, load_all, place_of

ROOT = Path(__file__).resolve().parents[2]


def test_a_rule_is_declared_once() -> None:
    name = rules()[0].name
    with pytest.raises(ValueError, match="declared twice"):
        declare(name, "again")


def test_names_are_words_with_hyphens() -> None:
    for info in rules():
        assert info.name == info.name.lower()
        assert " " not in info.name
        assert info.summary
        assert not info.summary.endswith(".")


@pytest.mark.parametrize("info", rules(), ids=lambda info: info.name)
def test_every_rule_has_a_page(info: object) -> None:
    name = str(getattr(info, "name", ""))
    page = ROOT / "docs" / "rules" / f"{name}.md"
    text = page.read_text()
    assert text.startswith(f"# {name}\n")
    for block in text.split("```python\n")[1:]:
        ast.parse(block.partition("```")[0])


def test_every_family_has_its_place() -> None:
    """A file that registers anything is listed, with a sign if it looks through whole traces."""
    folder = ROOT / "shapescope/analysis/diagnosis/rules"
    texts = {file.stem: file.read_text() for file in folder.glob("*.py")}
    registering = {
        name
        for name, text in texts.items()
        if any(mark in text for mark in ("declare(", "@failing", "@causing", "@scanning"))
    }
    assert registering <= set(FAMILIES) <= set(texts)
    assert {name for name, text in texts.items() if "@scanning" in text} == {
        name for name, sign in FAMILIES.items() if sign is not None
    }


def test_rules_are_asked_in_the_order_of_their_families() -> None:
    load_all()
    late, early = registry._BY_OP["conv2d"][-1], registry._BY_OP["conv2d"][0]
    assert place_of(early) < place_of(late)
    assert registry._in_order([late, early]) == [early, late]


def test_no_rule_knows_a_case() -> None:
    """No name, line or number of a case stands in the rules."""
    folders = [path.parent.name for path in (ROOT / "tests/diagnosis/cases").glob("*/case.json")]
    source = "\n".join(file.read_text() for file in (ROOT / "shapescope/analysis").rglob("*.py"))
    assert folders
    assert not [name for name in folders if name in source]
    for path in (ROOT / "tests/diagnosis/cases").glob("*/case.json"):
        assert json.loads(path.read_text())["id"] not in source

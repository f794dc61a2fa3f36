"""Own cases of the bugs that people post: seen, located, explained, mended, and no false alarm."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from shapescope.analysis import diagnosis
from shapescope.analysis.diagnosis import Case, Finding, registry
from shapescope.analysis.diagnosis.rules import FAMILIES, load_all, place_of

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/case.json"))


def benchmark() -> ModuleType:
    """The script that scores a folder of cases; it imports its neighbour by name."""
    folder = str(ROOT / "benchmarks")
    if "diagnosis_benchmark" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "diagnosis_benchmark", ROOT / "benchmarks" / "diagnosis.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["diagnosis_benchmark"] = module
        sys.path.insert(0, folder)
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(folder)
    return sys.modules["diagnosis_benchmark"]


@pytest.fixture(autouse=True)
def _signs_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask every family of every trace: one that finds something must be called for."""

    def scan(case: Case) -> Iterator[Finding]:
        load_all()
        for rule in sorted(registry._WHOLE_TRACE, key=place_of):
            sign = FAMILIES[rule.__module__.rpartition(".")[2]]
            for found in rule(case):
                assert sign is not None
                assert sign(case), f"{rule.__module__} is not read for {found.diagnostic.message}"
                yield found

    monkeypatch.setattr(diagnosis, "scan", scan)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 90


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    module = benchmark()
    named = module.read_cases(folder.parent, [folder.name])
    (case,) = [one for one in named if one.folder == folder]
    score = module.score(case)
    assert score.detected
    assert score.located, (sorted(score.lines), case.data["culprit_line"])
    assert not score.missing_numbers
    assert score.mended, score.refuted
    assert not score.false_alarms

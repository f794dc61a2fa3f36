"""The benchmark's way there and back, on files small enough for every day."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from shapescope.networks.registry import NETWORKS, NetworkEntry

ROOT = Path(__file__).resolve().parents[2]


def benchmark() -> ModuleType:
    """The script; it imports its neighbour by name."""
    folder = ROOT / "benchmarks"
    if "annotate_benchmark" not in sys.modules:
        spec = importlib.util.spec_from_file_location("annotate_benchmark", folder / "annotate.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["annotate_benchmark"] = module
        sys.path.insert(0, str(folder))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(folder))
    return sys.modules["annotate_benchmark"]


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_each_changed_number_of_a_documents_network_is_found(
    entry: NetworkEntry, in_folder: Path
) -> None:
    module = benchmark()
    subject = next(
        one
        for one in module.subjects(in_folder, [entry.name])
        if one.model == entry.factory.partition(":")[2]
    )
    outcome = module.there_and_back(subject, in_folder, random.Random(0))
    assert outcome.problems == []
    assert outcome.added > 0
    assert outcome.found == outcome.changes > 10

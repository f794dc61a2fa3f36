"""What every test relies on: one thread, a plain terminal of known width, settings untouched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COLUMNS"] = "120"
os.environ["NO_COLOR"] = "1"

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _every_trace_holds() -> Iterator[None]:
    """Each trace that a test makes keeps the invariants and survives the way through JSON."""
    from shapescope.capture import tracer
    from shapescope.capture.passes import Pass
    from shapescope.capture.traced import Traced
    from shapescope.trace import from_dict, to_dict, verify

    original = tracer._Tracer.finish

    def finish(self: tracer._Tracer, done: Pass) -> Traced:
        traced = original(self, done)
        verify(traced.trace)
        assert from_dict(to_dict(traced.trace)) == traced.trace
        return traced

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracer._Tracer, "finish", finish)
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing a test caches lands with the user, nor with another test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data sets; a test that needs them is skipped where they are not on disk."""
    if not DATA.is_dir():
        pytest.skip(f"the real data sets are not at {DATA}")
    return DATA


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh working folder."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path

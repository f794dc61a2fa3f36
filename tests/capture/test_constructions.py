"""Where each module's constructor was called: watched while it is built, or read from source."""

from __future__ import annotations

import copy
import gc
import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from shapescope.capture.constructions import Constructions, find_constructors
from shapescope.capture.source import call_user
from shapescope.networks.lenet5 import LeNet5
from shapescope.networks.registry import NETWORKS
from shapescope.source_text import source_lines
from shapescope.trace import SourceSpan

MODELS = Path(__file__).parents[1] / "models"


def imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_at(span: SourceSpan) -> str:
    """The source a span covers, its lines joined and their indents taken away."""
    lines = source_lines(span.file)[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "".join(line.strip() for line in lines)


def watched(make: Callable[[], nn.Module]) -> tuple[nn.Module, dict[str, str]]:
    with Constructions() as constructions:
        model = call_user(make)
    return model, {path: text_at(span) for path, span in constructions.spans(model).items()}


@pytest.fixture(scope="module")
def spans() -> tuple[nn.Module, dict[str, str]]:
    return watched(imported(MODELS / "spans.py").Net)


def test_every_constructor_that_was_called_is_found(
    spans: tuple[nn.Module, dict[str, str]],
) -> None:
    model, found = spans
    conv = "nn.Conv2d(3,8,3,)"
    assert found["stem"] == f"nn.Sequential({conv},nn.ReLU(),)"
    assert found["stem.0"] == conv
    assert found["stem.1"] == "nn.ReLU()"
    assert found["blocks"] == "nn.Sequential(*layers)"
    assert found["blocks.0"] == found["blocks.1"] == "Block(8)"
    assert found["blocks.1.größe"] == "nn.Conv2d(width, width, 1)"
    assert found["blocks.1.tail"] == "nn.ReLU()"
    assert found["blocks.1.helped"] == "nn.Conv2d(width, width, 3, padding=1)"
    assert found["blocks.1.norm"] == "nn.Identity()"
    assert found["named.b"] == "nn.ELU()"
    assert found["list.1"] == "nn.Linear(8, 4)"
    assert found["table"] == 'nn.ModuleDict({"one": nn.Sigmoid()})'
    assert found["table.one"] == "nn.Sigmoid()"
    assert found["deeper"] == "Deeper(8)"
    assert found["deeper.norm"] == "nn.BatchNorm2d(width)"
    assert found["deeper.extra"] == "nn.Dropout(0.5)"
    assert (found["left"], found["right"]) == ("nn.Linear(8, 2)", "nn.Linear(8, 3)")
    # The layers of a TransformerEncoder are deep copies: nobody called their constructor.
    without = {path for path, _ in model.named_modules()} - set(found)
    assert without - {""} == {
        path for path, _ in model.named_modules() if path.startswith("encoder.layers.")
    }


def test_the_root_has_no_constructor_of_its_own(spans: tuple[nn.Module, dict[str, str]]) -> None:
    assert "" not in spans[1]
    # A factory of the user's does call it.
    _, found = watched(lambda: nn.Sequential(nn.ReLU()))
    assert found == {"": "nn.Sequential(nn.ReLU())", "0": "nn.ReLU()"}


def test_reading_the_source_agrees_with_watching(
    spans: tuple[nn.Module, dict[str, str]],
) -> None:
    model, seen = spans
    read = {path: text_at(span) for path, span in find_constructors(model).items()}
    # Helpers and starred lists are seen only by watching.
    assert read["stem.0"] == seen["stem.0"]
    assert read["blocks"] == seen["blocks"]
    assert "blocks.0" not in read
    assert read["blocks.0.größe"] == seen["blocks.0.größe"]
    assert read["blocks.0.helped"] == "conv3x3(width)"
    assert read["blocks.0.norm"] == "nn.Identity()"
    assert read["deeper.norm"] == "nn.BatchNorm2d(width)"
    for path in ("named.a", "list.0", "table.one", "deeper", "deeper.extra", "left", "right"):
        assert read[path] == seen[path]
    differing = {path for path in read if read[path] != seen.get(path)}
    assert differing == {"blocks.0.helped", "blocks.1.helped", "deeper.helped"}


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_both_ways_agree_on_the_document_networks(entry: object) -> None:
    import shapescope.networks as networks

    assert isinstance(entry, networks.NetworkEntry)
    make = getattr(networks, entry.factory.partition(":")[2])
    with Constructions() as constructions:
        model = call_user(make)
    spans = constructions.spans(model)
    assert find_constructors(model) == spans
    assert set(spans) == {path for path, _ in model.named_modules() if path}


def test_a_wrapped_constructor_is_looked_through(in_folder: Path) -> None:
    (in_folder / "wrapped.py").write_text(
        """
import functools
from torch import nn

def logged(init):
    @functools.wraps(init)
    def run(*args, **kwargs):
        return init(*args, **kwargs)
    return run

class Part(nn.Module):
    @logged
    def __init__(self):
        self.setup()
        self.inner = nn.ReLU()
    def setup(self):
        super().__init__()

class Net(nn.Module):
    @logged
    def __init__(self):
        super().__init__()
        self.part = Part()
"""
    )
    model, found = watched(imported(in_folder / "wrapped.py").Net)
    assert found == {"part": "Part()", "part.inner": "nn.ReLU()"}
    assert {path: text_at(span) for path, span in find_constructors(model).items()} == found


def test_reading_chooses_the_branch_by_the_class_that_is_there(in_folder: Path) -> None:
    (in_folder / "branches.py").write_text(
        """
from torch import nn

class Net(nn.Module):
    def __init__(self, deep):
        super().__init__()
        if deep:
            self.act = nn.Tanh()
        else:
            self.act = nn.ReLU()
        self.mixed = nn.Sequential(nn.ReLU(), *[nn.ELU()], nn.ReLU())
        self.size: int = 3
        self.given = deep
        self.other = nn.ReLU() if deep else nn.ReLU(inplace=True)
        self.list = nn.ModuleList()
        self.list.append(nn.Linear(2, 3))
"""
    )
    module = imported(in_folder / "branches.py")
    for deep, text in ((True, "nn.Tanh()"), (False, "nn.ReLU()")):
        found = find_constructors(module.Net(deep))
        assert {path: text_at(span) for path, span in found.items()} == {
            "act": text,
            "mixed": "nn.Sequential(nn.ReLU(), *[nn.ELU()], nn.ReLU())",
            "mixed.0": "nn.ReLU()",
            "list": "nn.ModuleList()",
        }


def test_reading_gives_nothing_where_there_is_no_source() -> None:
    assert find_constructors(nn.Sequential(nn.Linear(2, 2))) == {}
    space: dict[str, type[nn.Module]] = {}
    exec("from torch import nn\nclass Net(nn.Module):\n    pass\n", space)
    assert find_constructors(space["Net"]()) == {}


def test_module_init_is_put_back_also_after_an_error() -> None:
    original = nn.Module.__init__
    with pytest.raises(ValueError, match="stop"), Constructions():
        assert nn.Module.__init__ is not original
        raise ValueError("stop")
    assert nn.Module.__init__ is original


def test_two_may_watch_at_once_and_close_in_any_order() -> None:
    original = nn.Module.__init__
    outer, inner = Constructions(), Constructions()
    outer.__enter__()
    first = nn.ReLU()
    inner.__enter__()
    second = nn.ReLU()
    outer.__exit__(None, None, None)
    third = nn.ReLU()
    inner.__exit__(None, None, None)
    assert nn.Module.__init__ is original
    seen = [
        [one.site(layer) is not None for layer in (first, second, third)] for one in (outer, inner)
    ]
    assert seen == [[True, True, False], [False, True, True]]


def test_models_are_not_kept_alive_and_ids_are_not_confused() -> None:
    with Constructions() as constructions:
        for _ in range(50):
            layer = nn.ReLU()
            site = constructions.site(layer)
            assert site is not None
            del layer
            gc.collect(0)
        layer = copy.deepcopy(nn.ReLU())
        assert constructions.site(layer) is None


def test_modules_built_in_another_thread_do_not_disturb() -> None:
    stop = threading.Event()

    def build() -> None:
        while not stop.is_set():
            nn.Linear(2, 2, device="meta")

    thread = threading.Thread(target=build)
    thread.start()
    try:
        for _ in range(20):
            _, found = watched(LeNet5)
            assert len(found) == 15
    finally:
        stop.set()
        thread.join()
    assert nn.Module.__init__.__name__ == "__init__"


def test_a_lazy_layer_and_a_meta_device_are_seen_too() -> None:
    with Constructions() as constructions, torch.device("meta"):
        model = call_user(lambda: nn.Sequential(nn.LazyLinear(3)))
    assert text_at(constructions.spans(model)["0"]) == "nn.LazyLinear(3)"


def test_reading_a_constructor_parses_no_other_code(in_folder: Path) -> None:
    file = in_folder / "cut.py"
    code = """\
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
"""
    file.write_text(code, encoding="utf-8")
    model = imported(file).Net()
    file.write_text(code + "def half_written(\n", encoding="utf-8")
    assert {path: text_at(span) for path, span in find_constructors(model).items()} == {
        "fc": "nn.Linear(2, 3)"
    }

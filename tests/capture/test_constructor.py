"""Models that cannot be built: the whole Diagnostic, and that its edits really mend them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.analysis.fixes.apply import edited
from shapescope.capture.loader import load
from shapescope.diagnostic import Diagnostic, Edit, Help, Label, Severity, ShapescopeError
from shapescope.trace import SourceSpan


def problem(folder: Path, text: str, spec: str = "net.py") -> Diagnostic:
    (folder / "net.py").write_text(text)
    with pytest.raises(ShapescopeError) as caught:
        load(spec).build()
    assert caught.value.exit_code == 1
    found = caught.value.diagnostic
    assert found.rule == "constructor"
    assert found.severity is Severity.ERROR
    return found


def mended(text: str, found: Diagnostic) -> str:
    (help_,) = found.help
    assert help_.verified
    assert not help_.changes_parameters
    return edited(text, help_.edits)


PRINTED_LENET = """import torch.nn as nn


class LeNet5(nn.Module):
    def __init__(self, num_classes):
        super(ConvNeuralNet, self).__init__()
        self.fc2 = nn.Linear(84, num_classes)

    def forward(self, x):
        return self.fc2(x)
"""


def test_the_printed_lenet_names_another_class_in_super(in_folder: Path) -> None:
    found = problem(in_folder, PRINTED_LENET, "net.py:LeNet5(10)")
    span = SourceSpan("net.py", 6, 9, 6, 35)
    assert found == Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message="`super(ConvNeuralNet, self)` names another class than `LeNet5`",
        labels=(Label(span, "this stands in class `LeNet5`", primary=True),),
        why=("python: name 'ConvNeuralNet' is not defined",),
        notes=("`ConvNeuralNet` is not defined here",),
        help=(Help("super().__init__()", (Edit(span, "super()"),), verified=True),),
    )
    assert found.detail == "name 'ConvNeuralNet' is not defined"
    assert "        super().__init__()\n" in mended(PRINTED_LENET, found)


def test_super_of_a_class_that_is_there_but_not_an_ancestor(in_folder: Path) -> None:
    text = "import torch.nn as nn\nclass ConvNeuralNet(nn.Module):\n    pass\n" + PRINTED_LENET
    found = problem(in_folder, text, "net.py:LeNet5(10)")
    assert found.message == "`super(ConvNeuralNet, self)` names another class than `LeNet5`"
    assert found.notes == ("`LeNet5` does not inherit from `ConvNeuralNet`",)
    assert found.why == (
        "python: super(type, obj): obj must be an instance or subtype of type",
    )  # fmt: skip
    assert "super().__init__()" in mended(text, found)


def test_a_wrong_super_in_a_file_that_is_imported(in_folder: Path) -> None:
    (in_folder / "parts.py").write_text(PRINTED_LENET)
    found = problem(
        in_folder, "from parts import LeNet5\nclass Net(LeNet5): pass\n", "net.py:Net(3)"
    )
    assert found.labels[0].span == SourceSpan("parts.py", 6, 9, 6, 35)
    assert found.help[0].verified


NO_SUPER = '''from torch import nn


class Net(nn.Module):
    def __init__(self):
        """Make the layers."""
        self.width = 3
        self.conv1 = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv1(x)
'''


def test_layers_without_super_init(in_folder: Path) -> None:
    found = problem(in_folder, NO_SUPER)
    assert found == Diagnostic(
        rule="constructor",
        severity=Severity.ERROR,
        message="`Net.__init__` never calls `super().__init__()`",
        labels=(
            Label(
                SourceSpan("net.py", 8, 9, 8, 19),
                "needs what `super().__init__()` sets up",
                primary=True,
            ),
            Label(SourceSpan("net.py", 5, 5, 5, 17), "here it has to be called"),
        ),
        notes=("torch.nn.Module keeps layers in tables that its `__init__` makes",),
        help=(
            Help(
                "start `__init__` with super().__init__()",
                (Edit(SourceSpan("net.py", 7, 9, 7, 9), "super().__init__()\n        "),),
                verified=True,
            ),
        ),
    )
    lines = mended(NO_SUPER, found).splitlines()
    assert lines[5:8] == [
        '        """Make the layers."""',
        "        super().__init__()",
        "        self.width = 3",
    ]


def test_super_init_that_comes_too_late(in_folder: Path) -> None:
    text = NO_SUPER.replace(
        "    def forward", "        super(Net, self).__init__()\n\n    def forward"
    ).replace("3)\n\n", "3)\n")
    found = problem(in_folder, text)
    assert found.message == "`Net.__init__` uses `self` as a module before `super().__init__()`"
    assert found.labels[1] == Label(SourceSpan("net.py", 9, 9, 9, 36), "called only here")
    assert found.help[0].message == "start `__init__` with super(Net, self).__init__()"
    after = mended(text, found)
    assert after.count("__init__()") == 1
    assert after.splitlines()[6] == "        super(Net, self).__init__()"


def test_a_missing_super_init_that_raises_nothing(in_folder: Path) -> None:
    text = NO_SUPER.replace("self.conv1 = nn.Conv2d(3, 8, 3)", "self.size = [3]").replace(
        "self.conv1(x)", "x"
    )
    found = problem(in_folder, text)
    assert found.message == "`Net.__init__` never calls `super().__init__()`"
    assert found.labels == (
        Label(SourceSpan("net.py", 5, 5, 5, 17), "the base class is never initialised", True),
    )
    mended(text, found)


def test_a_base_class_that_forgets_super_init(in_folder: Path) -> None:
    text = (
        "from torch import nn\nclass Base(nn.Module):\n    def __init__(self):\n"
        "        self.size = 3\nclass Net(Base):\n    def __init__(self):\n"
        "        super().__init__()\n        self.conv = nn.ReLU()\n"
        "    def forward(self, x):\n        return x\n"
    )
    found = problem(in_folder, text)
    assert found.message == "`Base.__init__` never calls `super().__init__()`"
    assert found.labels == (
        Label(SourceSpan("net.py", 8, 9, 8, 18), "needs what `super().__init__()` sets up", True),
        Label(SourceSpan("net.py", 3, 5, 3, 17), "here it has to be called"),
    )
    assert mended(text, found).splitlines()[3] == "        super().__init__()"


def test_two_faults_are_mended_one_after_the_other(in_folder: Path) -> None:
    text = PRINTED_LENET.replace("nn.Linear(84, num_classes)", "nn.Linear(84, missing)")
    found = problem(in_folder, text, "net.py:LeNet5(10)")
    (help_,) = found.help
    assert not help_.verified
    after = edited(text, help_.edits)
    found = problem(in_folder, after, "net.py:LeNet5(10)")
    assert found.message == "`missing` is not defined"
    assert found.labels[0].span == SourceSpan("net.py", 7, 34, 7, 41)


@pytest.mark.parametrize(
    ("body", "message", "label"),
    [
        (
            "self.width = int('seven')",
            "`Net` cannot be built: ValueError: invalid literal for int() with base 10: 'seven'",
            "int('seven')",
        ),
        (
            "raise RuntimeError('one\\ntwo')",
            "`Net` cannot be built: RuntimeError: one",
            "raise RuntimeError('one\\ntwo')",
        ),
        ("assert False", "`Net` cannot be built: AssertionError: AssertionError", "assert False"),
        (
            "self.inner = Net()",
            "`Net` cannot be built: its constructor calls itself without end",
            None,
        ),
        (
            "raise SystemExit(3)",
            "`Net` cannot be built: its constructor ends the program",
            "raise SystemExit(3)",
        ),
    ],
)
def test_any_other_error_shows_where_it_was_raised(
    in_folder: Path, body: str, message: str, label: str | None
) -> None:
    text = (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n        {body}\n    def forward(self, x):\n        return x\n"
    )
    found = problem(in_folder, text)
    assert found.message == message
    (shown,) = found.labels
    assert shown.primary
    if label is not None:
        column = 9 + body.index(label)
        assert shown.span == SourceSpan("net.py", 5, column, 5, column + len(label))
    assert found.help == ()


def test_an_error_in_train_is_the_models_too(in_folder: Path) -> None:
    text = (
        "from torch import nn\nclass Net(nn.Module):\n    def train(self, mode=True):\n"
        "        return mode.self\n    def forward(self, x):\n        return x\n"
    )
    found = problem(in_folder, text)
    assert found.labels[0].span == SourceSpan("net.py", 4, 16, 4, 25)


def test_a_factory_at_fault(in_folder: Path) -> None:
    found = problem(in_folder, "def make():\n    return {}['model']\n", "net.py:make")
    assert found.message == "`make` cannot be built: KeyError: 'model'"


def test_a_module_that_is_used_before_anything_can_be_blamed(in_folder: Path) -> None:
    text = (
        "from torch import nn\nclass Net(nn.Module):\n    def __new__(cls):\n"
        "        net = object.__new__(cls)\n        prepare(net)\n        return net\n"
        "def prepare(net):\n    net.layer = nn.ReLU()\n"
    )
    found = problem(in_folder, text, "net.py:Net")
    assert found.message == "`Net` is used before `Module.__init__` ran"
    assert found.labels[0].span == SourceSpan("net.py", 8, 5, 8, 14)
    assert found.help == ()


def test_an_attribute_that_another_line_looks_for_is_not_the_one_that_is_written(
    in_folder: Path,
) -> None:
    text = """from torch import nn


class Settings:
    def __getattr__(self, name):
        return super().__getattribute__(name)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.theta = Settings().theta
"""
    found = problem(in_folder, text)
    assert found.message == (
        "`Net` cannot be built: AttributeError: 'Settings' object has no attribute 'theta'"
    )
    assert found.help == ()

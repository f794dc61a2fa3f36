"""Which class of a file is the model."""

from __future__ import annotations

import ast
from types import ModuleType

import pytest

from shapescope.capture.loading.choice import candidates, instances, model_classes, no_model

HEAD = "import torch\nfrom torch import nn\n"


def executed(text: str) -> tuple[ModuleType, ast.Module]:
    module = ModuleType("under_test")
    exec(compile(HEAD + text, "under_test.py", "exec"), vars(module))
    return module, ast.parse(HEAD + text)


def cls(name: str, body: str = "", base: str = "nn.Module", forward: bool = True) -> str:
    """A class whose constructor runs `body`."""
    lines = [f"class {name}({base}):", "    def __init__(self, *args):", "        pass"]
    lines += [f"        {line}" for line in body.splitlines()]
    if forward:
        lines += ["    def forward(self, x):", "        return x"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (cls("Net"), ["Net"]),
        (cls("Block") + cls("Net", "Block(3)"), ["Net"]),
        (cls("Net", "Block(3)") + cls("Block"), ["Net"]),
        (cls("A") + cls("B", "A()") + cls("C", "B()"), ["C"]),
        (cls("Encoder") + cls("Decoder"), ["Encoder", "Decoder"]),
        # through a function, a table, a default, a list, a comprehension
        (cls("Block") + "def make():\n    return Block()\n" + cls("Net", "make()"), ["Net"]),
        (cls("A") + cls("B") + "KINDS = {'a': A, 'b': B}\n" + cls("Net", "KINDS['a']()"), ["Net"]),
        (cls("A") + "KIND: type = A\n" + cls("Net", "KIND()"), ["Net"]),
        (
            cls("Block")
            + "class Net(nn.Module):\n    def __init__(self, block=Block):\n        block()\n"
            + "    def forward(self, x):\n        return x\n",
            ["Net"],
        ),
        (cls("Block") + cls("Net", "[Block() for _ in range(3)]"), ["Net"]),
        (cls("Block") + cls("Net", "self.f = lambda: Block()"), ["Net"]),
        # what a function hands to another class's constructor is a part of that one
        (
            cls("BasicBlock")
            + cls("ResNet")
            + "def resnet():\n    return ResNet(BasicBlock, [2])\n",
            ["ResNet"],
        ),
        (cls("Wing") + cls("Plane") + "def fly():\n    return Plane(kind=Wing)\n", ["Plane"]),
        # not constructed: a base class, a type check, an annotation, a call of super
        (cls("Base") + cls("Net", base="Base"), ["Base", "Net"]),
        (cls("A") + cls("Net", "isinstance(args, A)"), ["A", "Net"]),
        (
            cls("A")
            + "class Net(nn.Module):\n    def __init__(self, a: A = None) -> None:\n        pass\n"
            + "    def forward(self, x: A) -> A:\n        return x\n",
            ["A", "Net"],
        ),
        (cls("A") + cls("Net", "super(A, self).__init__()"), ["A", "Net"]),
        # constructing oneself does not count
        (cls("Tree", "Tree() if args else None"), ["Tree"]),
        # a circle leaves all
        (cls("A", "B()") + cls("B", "A()"), ["A", "B"]),
        # a class without forward is no model
        (cls("Base", forward=False) + cls("Net", base="Base"), ["Net"]),
        # defined below a condition or in a try
        (cls("Block") + "if True:\n" + "    BLOCK = Block\n" + cls("Net", "BLOCK()"), ["Net"]),
        (
            "try:\n    import nothing_like_this\nexcept ImportError:\n    class Block(nn.Module):\n"
            "        def forward(self, x):\n            return x\n" + cls("Net", "Block()"),
            ["Net"],
        ),
        # imported classes are somebody else's
        ("from torch.nn import Linear, Module\n" + cls("Net", base="Module"), ["Net"]),
        ("x = 3\n", []),
    ],
)
def test_the_classes_that_are_left(text: str, left: list[str]) -> None:
    module, tree = executed(text)
    assert candidates(module, tree) == left


def test_a_class_under_two_names_counts_once() -> None:
    module, tree = executed(cls("Net") + "Alias = Net\n")
    assert list(model_classes(module)) == ["Net"]
    assert candidates(module, tree) == ["Net"]


def test_instances_are_models_but_losses_are_not() -> None:
    module, _ = executed("net = nn.Linear(2, 3)\nloss = nn.CrossEntropyLoss()\nx = torch.ones(2)\n")
    assert list(instances(module)) == ["net"]


MAIN = 'if __name__ == "__main__":\n    '


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("def make():\n    return nn.ReLU()\ndef train():\n    pass\n", "net.py:make"),
        ("def _make():\n    return nn.ReLU()\n", "net.py:function"),
        (MAIN + "model = build()\n", "net.py:model"),
        (MAIN + "args = parse()\n    lenet = nn.Sequential(nn.ReLU())\n", "net.py:lenet"),
        (MAIN + cls("Net").replace("\n", "\n    ") + "\n", "net.py:Net"),
        (MAIN + "args = parse()\n", "net.py:function"),
    ],
)
def test_a_file_without_a_model_says_what_to_name_instead(text: str, named: str) -> None:
    module, tree = executed(text)
    message = no_model(module, tree, "net.py")
    assert message.startswith("net.py ")
    assert message.rpartition(" ")[2] == named
    assert ("does not run here" in message) == ("__main__" in text and "function" not in named)


def test_an_abstract_base_is_named_only_where_nothing_else_is_left() -> None:
    base = (
        "from abc import ABC, abstractmethod\nclass Base(nn.Module, ABC):\n"
        "    @abstractmethod\n    def forward(self, x): ...\n"
    )
    step = cls("Step", base="Base")
    assert candidates(*executed(base + step + cls("Net", "Step()"))) == ["Net"]
    assert candidates(*executed(base)) == ["Base"]

"""From what a user typed to a model: names, files, choices, arguments and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from shapescope.capture.inputs import InputSpec, parse_inputs
from shapescope.capture.loader import load
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.diagnostic import ShapescopeError
from shapescope.networks.registry import NETWORKS, NetworkEntry

BUGS = Path(__file__).parents[3] / "shared" / "cases" / "bugs"
NET = """
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)
    def forward(self, x):
        return self.conv(x)

class Net(nn.Module):
    def __init__(self, classes=10, *, block=Block, sizes=(2,)):
        super().__init__()
        self.classes, self.sizes = classes, sizes
        self.block = block(4)
    def forward(self, x):
        return self.block(x)

class Config:
    pass

def make(classes):
    return Net(classes)

def nothing():
    pass

ready = Net(3)
size = 4
"""


@pytest.fixture
def net(in_folder: Path) -> Path:
    file = in_folder / "net.py"
    file.write_text(NET)
    return file


def refused(spec: str) -> str:
    with pytest.raises(ShapescopeError) as caught:
        load(spec).build()
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_the_document_networks_by_name_and_alias(entry: NetworkEntry) -> None:
    for name in (entry.name, *entry.aliases, entry.name.upper()):
        loaded = load(name)
        assert loaded.entry is entry
        assert loaded.name == entry.name
        assert loaded.spec == name
        assert loaded.default_inputs == (InputSpec(entry.input_shape),)
        assert loaded.file is not None
        assert loaded.file.stem == entry.name.replace("-", "_")
    built = loaded.build()
    assert built.device == "meta"
    assert built.note == ""
    assert not built.module.training
    assert {parameter.device.type for parameter in built.module.parameters()} == {"meta"}
    assert set(built.definitions) == {path for path, _ in built.module.named_modules() if path}


def test_a_network_with_arguments() -> None:
    loaded = load("lenet5(num_classes=3)")
    assert loaded.name == "lenet5(num_classes=3)"
    assert loaded.build().module.get_parameter("fc2.weight").shape == (3, 84)


def test_a_class_of_a_file(net: Path) -> None:
    loaded = load("net.py:Net")
    assert (loaded.name, loaded.class_name) == ("net.py:Net", "Net")
    assert loaded.file == net
    assert loaded.files == (net,)
    assert loaded.default_inputs == ()
    assert loaded.entry is None
    built = loaded.build()
    assert built.module.classes == 10
    assert set(built.definitions) == {"block", "block.conv"}


def test_a_bare_file_is_its_only_model(net: Path) -> None:
    assert load("net.py").name == "net.py:Net"
    assert load(str(net)).name == f"{net}:Net"


def test_arguments_and_names_of_the_file(net: Path) -> None:
    assert load("net.py:Net(7, sizes=[1, 2])").build().module.sizes == [1, 2]
    loaded = load("net.py:Net(size, block=Block)")
    assert loaded.name == "net.py:Net(size, block=Block)"
    assert loaded.build().module.classes == 4
    assert load("net.py:Net(block=nn.Linear)").class_name == "Net"


def test_every_build_gets_arguments_of_its_own(net: Path) -> None:
    loaded = load("net.py:Net(sizes=[1])")
    first: Any = loaded.build().module
    first.sizes.append(2)
    assert loaded.build().module.sizes == [1]


def test_a_factory_of_a_file(net: Path) -> None:
    assert load("net.py:make(5)").build().module.classes == 5


def test_a_model_that_the_file_built_itself(net: Path) -> None:
    loaded = load("net.py:ready")
    first, second = loaded.build(), loaded.build("cpu")
    assert first.device == "cpu"
    assert first.module.classes == 3
    assert first.module is not second.module
    weights = [built.module.get_parameter("block.conv.weight") for built in (first, second)]
    assert torch.equal(*weights)
    assert weights[0] is not weights[1]
    assert set(first.definitions) == {"", "block", "block.conv"}


def test_a_bare_file_with_nothing_but_a_built_model(in_folder: Path) -> None:
    (in_folder / "seq.py").write_text(
        "from torch import nn\nloss = nn.MSELoss()\nmodel = nn.Sequential(nn.Linear(2, 3))\n"
    )
    assert load("seq.py").name == "seq.py:model"


def test_builds_are_seeded_and_leave_random_states_alone(net: Path) -> None:
    loaded = load("net.py:Net")
    state = torch.get_rng_state()
    weights = [
        loaded.build("cpu", seed=seed).module.get_parameter("block.conv.weight")
        for seed in (0, 0, 1)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_detectors_take_pictures_in_a_list(net: Path) -> None:
    given = parse_inputs(["3,4,4", "1,3,4,4", "x=3,4,4"])
    plain = load("net.py")
    assert plain.fitted(given) == given
    detector = LoadedModel("d", "d", "D", nn.Identity, default_inputs=parse_inputs(["[3,8,8]"]))
    assert [spec.listed for spec in detector.fitted(given)] == [True, False, False]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lenet6", "there is no model called `lenet6`; did you mean lenet5?"),
        ("net", "there is no model called `net`; did you mean net.py?"),
        ("resnet18", "there is no model called `resnet18`; did you mean torchvision:resnet18?"),
        (
            "torchvision.models.resnet18",
            (
                "there is no model called `torchvision.models.resnet18`; "
                "did you mean torchvision:resnet18?"
            ),
        ),
        ("folder", "`folder` is a folder; name a file in it: folder/net.py:Class"),
        ("my.ipynb", "my.ipynb is a notebook; a model is read from a Python file"),
        ("my.ipynb:Net", "my.ipynb is a notebook; a model is read from a Python file"),
        (
            "qqqqqq",
            (
                "there is no model called `qqqqqq`; `shapescope models` lists the names, and a "
                "model of your own is path/file.py:Class"
            ),
        ),
        ("lenet5(x)", "`x` is not defined here; write the argument as a literal"),
        (
            "lenet5(3, 4)",
            (
                "lenet5(3, 4): `LeNet5` does not take these arguments: too many positional "
                "arguments; it takes (num_classes: 'int' = 10)"
            ),
        ),
        ("net.py:Nett", "net.py defines no `Nett`; did you mean Net?"),
        ("net.py:NET", "net.py defines no `NET`; did you mean Net?"),
        ("net.py:mak", "net.py defines no `mak`; did you mean make?"),
        ("net.py:zzz", "net.py defines no `zzz`; its models are Block, Net, ready"),
        ("net.py:Net.zzz", "net.py defines no `Net.zzz`; its models are Block, Net, ready"),
        (
            "net.py:Net(zzz)",
            "the argument `zzz` is no name that net.py defines or imports; set `net = Net(zzz)` in \
a file that does, and name it: path/file.py:net",
        ),
        ("net.py:ready.block", "net.py defines no `ready.block`; did you mean Block?"),
        ("net.py:Config", "net.py:Config: `Config` is a class, but no torch.nn.Module"),
        (
            "net.py:size",
            "net.py:size: `size` is of type int; name a class or a function that returns a model",
        ),
        (
            "net.py:ready(3)",
            "net.py:ready is a model already, not a class; leave the arguments away",
        ),
        (
            "net.py:Block",
            "net.py:Block: `Block` needs an argument: `width`; give it like 'net.py:Block(64)'",
        ),
        (
            "net.py:make()",
            "net.py:make(): `make` needs an argument: `classes`; give it like 'net.py:make(10)'",
        ),
        (
            "net.py:Net(1, 2)",
            (
                "net.py:Net(1, 2): `Net` does not take these arguments: too many positional "
                "arguments; it takes (classes=10, *, block={Block}, sizes=(2,))"
            ),
        ),
        (
            "net.py:Net(width=3)",
            (
                "net.py:Net(width=3): `Net` does not take these arguments: got an unexpected "
                "keyword argument 'width'; it takes (classes=10, *, block={Block}, sizes=(2,))"
            ),
        ),
        (
            "net.py:nothing",
            (
                "net.py:nothing gives None, not a torch.nn.Module; name a class or a function that "
                "returns a model"
            ),
        ),
        (
            "json:loads('[1]')",
            (
                "json:loads('[1]') gives a value of type list, not a torch.nn.Module; name "
                "a class or a function that returns a model"
            ),
        ),
        ("json:nothing", "json defines no `nothing`; it holds no model"),
    ],
)
def test_what_is_refused(net: Path, spec: str, message: str) -> None:
    (net.parent / "folder").mkdir()
    text = refused(spec)
    if "{Block}" in message:
        before, after = message.split("{Block}")
        assert text.startswith(before)
        assert text.endswith(after)
    else:
        assert text == message


@pytest.mark.parametrize(
    ("signature", "spec", "example"),
    [
        ("in_channels, num_classes", "net.py", "net.py:Net(3, 10)"),
        ("a, b, c", "net.py:Net(1)", "net.py:Net(1, 64, 64)"),
        ("a, *, b", "net.py:Net(1)", "net.py:Net(1, b=64)"),
        ("a, b", "net.py:Net(a=1)", "net.py:Net(a=1, b=64)"),
        ("name: str, deep: bool, rate: float", "net.py", 'net.py:Net("...", True, 0.5)'),
        ("layers, widths: list[int]", "net.py", "net.py:Net([2, 2], [2, 2])"),
        ("n_layers: 'int'", "net.py", "net.py:Net(2)"),
        ("input_shape, n_actions", "net.py", "net.py:Net((3, 32, 32), 10)"),
        ("dropout, act", "net.py", "net.py:Net(0.5, nn.ReLU)"),
    ],
)
def test_missing_arguments_come_with_an_example(
    in_folder: Path, signature: str, spec: str, example: str
) -> None:
    (in_folder / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n"
        f"    def __init__(self, {signature}):\n        super().__init__()\n"
        "    def forward(self, x):\n        return x\n"
    )
    with pytest.raises(ShapescopeError) as caught:
        load(spec)
    assert str(caught.value).endswith(f"; give it like '{example}'")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["nn.Module", "nn.modules.Module", "Module"])
def test_torchs_base_class_is_no_model(name: str, net: Path) -> None:
    net.write_text(f"{NET}\nModule = nn.Module\n")
    assert refused(f"net.py:{name}") == (
        f"net.py:{name}: `{name}` is torch's own base of all models; name a class of yours"
    )
    assert load("net.py:nn.Conv2d(1, 2, 3)").build().module.kernel_size == (3, 3)


def test_several_models_are_named_and_one_is_asked_for(in_folder: Path) -> None:
    body = "(nn.Module):\n    def forward(self, x):\n        return x\n"
    (in_folder / "two.py").write_text(
        f"from torch import nn\nclass Encoder{body}class Decoder{body}class Loss(nn.Module): pass\n"
    )
    assert refused("two.py") == (
        "two.py holds several models: Encoder, Decoder; name one: two.py:Encoder"
    )


def test_a_file_without_a_model(in_folder: Path) -> None:
    (in_folder / "none.py").write_text("import torch\nx = torch.ones(2)\n")
    assert refused("none.py") == (
        "none.py holds no model: no class in it subclasses torch.nn.Module; "
        "name a function that returns one: none.py:function"
    )


def test_a_missing_package_in_a_constructor_is_a_wrong_request(in_folder: Path) -> None:
    (in_folder / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        import nowhere_at_all\n    def forward(self, x):\n        return x\n"
    )
    assert refused("net.py") == (
        "net.py:Net cannot be built here: No module named 'nowhere_at_all'; install what is missing"
    )


def test_an_argument_that_asks_for_nothing_runs_nothing(in_folder: Path) -> None:
    (in_folder / "net.py").write_text("open('ran', 'w').close()\n" + NET)
    refused("net.py:Net(print())")
    assert not (in_folder / "ran").exists()


@pytest.mark.skipif(not BUGS.is_dir(), reason=f"the real bugs are not at {BUGS}")
@pytest.mark.parametrize("name", ["model", "fixed"])
def test_every_real_bug_can_be_loaded_and_built(name: str) -> None:
    cases = sorted(BUGS.glob(f"*/{name}.py"))
    assert len(cases) == 25
    for file in cases:
        built = load(str(file)).build()
        assert built.device == "meta"
        paths = {path for path, _ in built.module.named_modules() if path}
        assert set(built.definitions) == paths


def test_a_document_network_imports_nothing_but_torch_and_its_file() -> None:
    code = """
import sys, torch
before = set(sys.modules)
from shapescope.capture.loader import load
load("lenet5").build()
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"torchvision", "rich", "typer", "timm", "transformers", "PIL", "matplotlib"}))
print(sorted(name for name in sys.modules if name.startswith("shapescope.networks.")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines() == [
        "[]",
        "['shapescope.networks.lenet5', 'shapescope.networks.registry']",
    ]


def test_an_argument_that_the_file_does_not_know(in_folder: Path) -> None:
    (in_folder / "nets.py").write_text(
        "from torch import nn\nSIZE = 3\n\n\n"
        "class Net(nn.Linear):\n    def __init__(self, size):\n        super().__init__(size, 1)\n"
    )
    with pytest.raises(ShapescopeError) as caught:
        load("nets.py:Net(config.BASE)")
    assert str(caught.value) == (
        "the argument `config.BASE` is no name that nets.py defines or imports; set "
        "`net = Net(config.BASE)` in a file that does, and name it: path/file.py:net"
    )
    with pytest.raises(ShapescopeError, match="defines or imports; did you mean `SIZE`"):
        load("nets.py:Net(SIZES)")
    with pytest.raises(ShapescopeError) as caught:
        load("nets.py:Net(size=make(3))")
    (help_,) = caught.value.diagnostic.help
    assert help_.message == (
        "a function there that returns the model may do it; name it: nets.py:function"
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("torchvison:resnet18", "did you mean `torchvision`?"),
        ("flat.pyy", "there is no model called `flat.pyy`; did you mean flat.py?"),
        ("parts/deep.pu", "there is no model called `parts/deep.pu`; did you mean parts/deep.py?"),
        ("flat.pyy:Net", "did you mean `flat.py`?"),
        ("prts:Net", "did you mean `parts`?"),
    ],
)
def test_a_slip_in_a_zoo_or_a_file_is_answered(in_folder: Path, spec: str, said: str) -> None:
    (in_folder / "parts").mkdir()
    for name in ("flat.py", "parts/__init__.py", "parts/deep.py"):
        (in_folder / name).write_text("")
    with pytest.raises(ShapescopeError) as caught:
        load(spec)
    assert str(caught.value).endswith(said)

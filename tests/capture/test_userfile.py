"""A file of the user's is executed as Python would, and nothing of it stays behind."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from shapescope.capture.loader import load
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.diagnostic import ShapescopeError

NET = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x\n"


@pytest.fixture(autouse=True)
def _nothing_stays_behind() -> Iterator[None]:
    def state() -> tuple[object, ...]:
        return (
            list(sys.path),
            list(sys.argv),
            sys.stdin,
            sys.stdout,
            sys.__stdout__,
            list(sys.meta_path),
            torch.get_default_dtype(),
        )

    before = state()
    yield
    assert state() == before


def write(folder: Path, **files: str) -> None:
    """Write `folder/NAME.py`; in a name, `_in_` stands for a folder and `_init` for `__init__`."""
    for name, text in files.items():
        file = folder / (name.replace("_in_", "/").replace("_init", "__init__") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def width(model: LoadedModel) -> int:
    value = model.build().module.width
    assert isinstance(value, int)
    return value


def test_what_is_around_a_file_while_it_runs(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        in_folder,
        net=NET
        + """
import sys
print("printed")
sys.__stdout__.write("written")
argv, stdin, name, path = list(sys.argv), sys.stdin.read(), __name__, sys.path[0]
file = __file__
if __name__ == "__main__":
    raise SystemExit("never")
""",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["shapescope", "trace", "net.py", "--input", "1,2"])
        patch.setattr("sys.stdin", io.StringIO("not for you"))
        loaded = load("net.py")
    assert loaded.code is not None
    space = vars(loaded.code.module)
    assert space["argv"] == [str(in_folder / "net.py")]
    assert space["stdin"] == ""
    assert space["file"] == str(in_folder / "net.py")
    assert space["path"] == str(in_folder)
    out, err = capsys.readouterr()
    assert out == ""
    assert "printed" in err
    assert "written" in err


def test_siblings_come_from_the_files_own_folder_and_leave_with_it(in_folder: Path) -> None:
    for name, size in (("one", 1), ("two", 2)):
        write(
            in_folder / name,
            net="import layers\nfrom parts.deep import NAME\n"
            + NET
            + "    width = layers.WIDTH\n    name = NAME\n",
            layers=f"WIDTH = {size}\n",
            parts_in_deep=f"NAME = '{name}'\n",
        )
    first, second = load("one/net.py"), load("two/net.py")
    assert (width(first), width(second)) == (1, 2)
    names = [loaded.build().module.name for loaded in (first, second)]
    assert names == ["one", "two"]
    assert not {"layers", "parts", "parts.deep"} & set(sys.modules)
    assert {file.name for file in first.files} == {"net.py", "layers.py", "deep.py"}
    assert first.files[0] == in_folder / "one" / "net.py"


def test_a_module_of_the_same_name_elsewhere_is_out_of_the_way_and_comes_back(
    in_folder: Path,
) -> None:
    write(in_folder / "mine", net="import layers\n" + NET + "    width = layers.WIDTH\n")
    write(in_folder / "mine", layers="WIDTH = 5\n")
    write(in_folder / "other", layers="WIDTH = 9\n")
    sys.path.insert(0, str(in_folder / "other"))
    try:
        import layers  # type: ignore[import-not-found]

        assert width(load("mine/net.py")) == 5
        assert sys.modules["layers"] is layers
    finally:
        sys.path.remove(str(in_folder / "other"))
        sys.modules.pop("layers", None)


def test_a_change_is_seen_at_once_and_no_cache_is_written(in_folder: Path) -> None:
    write(in_folder, net="import layers\n" + NET + "    width = layers.WIDTH\n", layers="WIDTH = 1")
    for size in range(1, 6):
        # The same number of bytes within the same second: a bytecode cache would not notice.
        write(in_folder, layers=f"WIDTH = {size}")
        assert width(load("net.py")) == size
    assert sorted(path.name for path in in_folder.iterdir()) == ["layers.py", "net.py"]


def test_edited_files_are_read_as_edited(in_folder: Path) -> None:
    write(in_folder, net="import layers\n" + NET + "    width = layers.WIDTH\n", layers="WIDTH = 1")
    edited = {Path("layers.py"): "WIDTH = 7\n"}
    assert width(load("net.py", overrides=edited)) == 7
    both = {
        in_folder / "net.py": NET + "    width = 8\n    def extra(self): pass\n",
        in_folder / "layers.py": "1/0\n",
    }
    loaded = load("net.py", overrides=both)
    assert width(loaded) == 8
    assert loaded.overrides == both
    assert width(load("net.py")) == 1


def test_an_import_inside_a_constructor_or_forward_finds_the_folder_too(in_folder: Path) -> None:
    write(
        in_folder / "deep",
        net=NET
        + "    def __init__(self):\n        super().__init__()\n"
        + "        import layers\n        self.width = layers.WIDTH\n"
        + "    def late(self):\n        import late\n        return late.VALUE\n",
        layers="WIDTH = 3\n",
        late="VALUE = 4\n",
    )
    loaded = load("deep/net.py")
    module = loaded.build().module
    assert module.width == 3
    late: Any = module.late
    with loaded.environment():
        assert late() == 4
        with loaded.environment():
            assert late() == 4
    with pytest.raises(ModuleNotFoundError):
        late()
    assert not {"layers", "late"} & set(sys.modules)


def test_what_a_file_adds_to_the_path_stays_its_own(in_folder: Path) -> None:
    write(in_folder / "lib", shared="WIDTH = 6\n", later="DEPTH = 2\n")
    write(
        in_folder / "app",
        net="import sys\nsys.path.append('lib')\nimport shared\n"
        + NET
        + "    def __init__(self):\n        super().__init__()\n"
        + "        import later\n        self.width = shared.WIDTH + later.DEPTH\n",
    )
    assert width(load("app/net.py")) == 8
    assert not {"shared", "later"} & set(sys.modules)
    write(in_folder / "lib", shared="WIDTH = 7\n")
    assert width(load("app/net.py")) == 9


def test_a_file_in_a_package_is_a_part_of_it(in_folder: Path) -> None:
    write(
        in_folder / "src",
        shop_in__init="REGISTRY = []\n",
        shop_in_models_in__init="from .net import Net\n",
        shop_in_models_in_net="from .. import REGISTRY\nfrom ..layers import WIDTH\n"
        + NET
        + "    width = WIDTH\n"
        + "assert not REGISTRY, 'registered twice'\nREGISTRY.append(Net)\n",
        shop_in_layers="WIDTH = 4\n",
    )
    for _ in range(2):
        loaded = load("src/shop/models/net.py")
        assert width(loaded) == 4
        assert type(loaded.build().module).__module__ == "shop.models.net"
    assert not [name for name in sys.modules if name.startswith("shop")]


def test_a_plain_file_beside_an_init_runs_alone(in_folder: Path) -> None:
    write(
        in_folder,
        shop_in__init="raise ValueError('never run')\n",
        shop_in_net="import layers\n" + NET + "    width = layers.WIDTH\n",
        shop_in_layers="WIDTH = 4\n",
    )
    assert width(load("shop/net.py")) == 4


def test_the_working_folder_can_be_imported_from_at_last(in_folder: Path) -> None:
    write(
        in_folder,
        models_in_net="from models.layers import WIDTH\n" + NET + "    width = WIDTH\n",
        models_in_layers="WIDTH = 4\n",
    )
    assert width(load("models/net.py")) == 4
    assert "models" not in sys.modules


def test_every_load_is_a_module_of_its_own(in_folder: Path) -> None:
    write(in_folder, net=NET)
    first, second = load("net.py"), load("net.py")
    assert first.code is not None
    assert second.code is not None
    names = [first.code.module.__name__, second.code.module.__name__]
    assert len(set(names)) == 2
    assert set(names) <= set(sys.modules)
    del first, second
    gc.collect()
    assert not set(names) & set(sys.modules)


def test_dataclasses_and_annotations_find_their_module(in_folder: Path) -> None:
    write(
        in_folder,
        net="from __future__ import annotations\nimport dataclasses\nimport typing\n"
        + NET
        + "    width: typing.ClassVar[int] = 2\n"
        + "@dataclasses.dataclass\nclass Config:\n"
        + "    size: typing.ClassVar[int] = 3\n    n: int = 1\n"
        + "assert [f.name for f in dataclasses.fields(Config)] == ['n']\n"
        + "typing.get_type_hints(Net.forward)\n",
    )
    assert width(load("net.py")) == 2


def test_a_default_dtype_holds_while_the_files_code_runs(in_folder: Path) -> None:
    write(
        in_folder,
        net="import torch\ntorch.set_default_dtype(torch.float64)\n"
        + NET
        + "    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(2, 2)\n",
    )
    loaded = load("net.py")
    assert next(loaded.build().module.parameters()).dtype is torch.float64
    assert torch.get_default_dtype() is torch.float32


def test_a_module_by_its_dotted_name(in_folder: Path) -> None:
    write(
        in_folder,
        shop_in__init="",
        shop_in_models=NET + "    width = 3\ndef make(width=4):\n    net = Net()\n"
        "    net.width = width\n    return net\n",
    )
    assert width(load("shop.models:make")) == 4
    assert width(load("shop.models:make(width=6)")) == 6
    assert width(load("shop.models:Net")) == 3
    assert "shop" not in sys.modules
    assert load("shop.models:Net").file == in_folder / "shop" / "models.py"


def test_an_installed_module_stays_loaded() -> None:
    loaded = load("torch.nn:Linear(3, 4)")
    assert loaded.build().module.state_dict()["weight"].shape == (4, 3)
    assert sys.modules["torch.nn"] is torch.nn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def f(:\n",
            "net.py:1:7: the file is not valid Python: invalid syntax; mend it first",
        ),
        (
            "x = 1\n  y = 2\n",
            "net.py:2:2: the file is not valid Python: unexpected indent; mend it first",
        ),
        ("import broken\n", ("broken.py:2:1: the file is not valid Python: unmatched ')'; mend it "
         "first")),
        ("x = '\0'\n", ("net.py: the file is not valid Python: source code string cannot contain "
         "null bytes; mend it first")),
        ("\n1/0\n", "net.py:2: ZeroDivisionError while it is imported: division by zero"),
        ("import deep\n", "deep.py:2: ValueError while it is imported: first line"),
        ("assert False\n", "net.py:1: AssertionError while it is imported"),
        (
            "import nowhere.at_all\n",
            "net.py:1 imports `nowhere`, which is not installed; pip install nowhere?",
        ),
        (
            "from torch import nothing_at_all\n",
            ("net.py:1: ImportError while it is imported: cannot import name 'nothing_at_all' from "
            f"'torch' ({torch.__file__})"),
        ),
        (
            "import sys\nsys.exit(3)\n",
            ("net.py:2 exits while net.py is imported; put what should only run as a program below "
            '`if __name__ == "__main__":`'),
        ),
        (
            "x = input('width? ')\n",
            ("net.py:1 asks for input while net.py is imported; put it below "
            '`if __name__ == "__main__":`'),
        ),
        (
            ("import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\n"
            "p.parse_args()\n"),
            ("net.py:4 exits while net.py is imported; put what should only run as a program below "
            '`if __name__ == "__main__":`'),
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_executed(in_folder: Path, text: str, message: str) -> None:
    write(in_folder, net=text, broken="\n)\n", deep="\nraise ValueError('first line\\nsecond')\n")
    with pytest.raises(ShapescopeError) as caught:
        load("net.py")
    assert str(caught.value) == message
    assert caught.value.exit_code == 2
    assert not {"broken", "deep"} & set(sys.modules)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "net.py",
            "from parts.gone import layer\n",
            "net.py:1 imports `parts.gone`, but parts/gone.py does not exist; check the path",
        ),
        (
            "net.py",
            "import parts.block\n",
            ("net.py:1 imports `parts.block`, but parts/block.py does not exist; did you mean "
             "parts/blocks.py?"),
        ),
        (
            "parts/net.py",
            "from .block import layer\n",
            ("parts/net.py:1 imports `parts.block`, but parts/block.py does not exist; did you "
             "mean parts/blocks.py?"),
        ),
        (
            "other/net.py",
            "\nfrom parts.deep.gone import layer\n",
            ("other/net.py:2 imports `parts.deep`, but parts/deep.py does not exist; "
             "check the path"),
        ),
    ],
)  # fmt: skip
def test_a_module_that_is_missing_in_a_package_of_ones_own(
    in_folder: Path, file: str, text: str, message: str
) -> None:
    for folder in ("parts", "other"):
        (in_folder / folder).mkdir()
    (in_folder / "parts" / "__init__.py").touch()
    (in_folder / "parts" / "blocks.py").touch()
    (in_folder / file).write_text(text)
    with pytest.raises(ShapescopeError) as caught:
        load(file)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nett.py", "nett.py does not exist; did you mean net.py?"),
        ("zzzzz.py:Net", "zzzzz.py does not exist; check the path"),
        ("none/net.py", "none/net.py does not exist, and neither does its folder; check the path"),
        ("folder.py", "folder.py is a folder; name a file in it"),
        ("nowhere:make", ("there is no module `nowhere`, neither installed nor in the working "
         "folder; check the name, or name a file: path/file.py:Class")),
        ("net.sub:make", ("there is no module `net.sub`, neither installed nor in the working "
         "folder; check the name, or name a file: path/file.py:Class")),
    ],
)  # fmt: skip
def test_a_file_or_module_that_is_not_there(in_folder: Path, spec: str, message: str) -> None:
    write(in_folder, net=NET)
    (in_folder / "folder.py").mkdir()
    with pytest.raises(ShapescopeError) as caught:
        load(spec)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_a_file_that_may_not_be_read(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(in_folder, net=NET)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ShapescopeError, match=r"^net\.py cannot be read: permission denied$"):
        load("net.py")


def test_a_file_that_python_reads_and_utf8_does_not(in_folder: Path) -> None:
    (in_folder / "net.py").write_bytes(
        b"# coding: latin-1\n"
        + NET.encode()
        + b"    name = '\xe4'\n    def __init__(self):\n        super().__init__()\n"
        b"        self.a = nn.ReLU()\n"
    )
    built = load("net.py").build()
    assert built.module.name == "ä"
    assert built.definitions == {}


def test_an_interrupt_is_not_swallowed(in_folder: Path) -> None:
    write(in_folder, net="raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load("net.py")


def test_what_subprocesses_write_goes_to_stderr(
    in_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(
        in_folder,
        net="import os\nos.write(1, b'raw ')\nos.system('echo subprocess')\n"
        + NET
        + "    def __init__(self):\n        super().__init__()\n        os.write(1, b'init ')\n",
    )
    print("before", end=" ")
    load("net.py").build()
    print("after", end=" ")
    out, err = capfd.readouterr()
    assert out == "before after "
    assert err.split() == ["raw", "subprocess", "init"]
    program = "import os\nos.close(1)\nfrom shapescope.capture.loader import load\n"
    program += "print(load('net.py').build().device, file=__import__('sys').stderr)\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr.split()[-1] == "meta"

"""The tensors that are made for a spec: seeded, bounded, on the device, touching nothing else."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from shapescope.capture.inputs import InputSpec, input_names, make_inputs, parse_inputs
from shapescope.diagnostic import ShapescopeError

ANY = nn.Identity()


def one(text: str, module: nn.Module = ANY, seed: int = 0) -> Tensor:
    args, kwargs = make_inputs(parse_inputs([text]), module, device="cpu", seed=seed)
    (value,) = args or kwargs.values()
    assert isinstance(value, Tensor)
    return value


@pytest.mark.parametrize(
    "dtype",
    [
        *("float32", "float16", "bfloat16", "float64", "complex64", "complex128"),
        *("int64", "int32", "int16", "int8", "uint8", "bool"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_shape_dtype_and_device_are_as_asked(dtype: str, device: str) -> None:
    specs = (InputSpec((2, 5), dtype), InputSpec((), dtype, "scalar"))
    args, kwargs = make_inputs(specs, ANY, device=device)
    for value, shape in ((args[0], (2, 5)), (kwargs["scalar"], ())):
        assert value.shape == shape
        assert value.dtype == getattr(torch, dtype)
        assert value.device.type == device


def test_floats_are_normal() -> None:
    values = one("100,1000")
    assert abs(values.mean().item()) < 0.02
    assert abs(values.std().item() - 1) < 0.02
    assert one("4:complex64").imag.abs().sum() > 0


def test_values_depend_on_the_seed_alone_and_change_no_random_state() -> None:
    before = torch.get_rng_state()
    assert torch.equal(one("3,4"), one("3,4"))
    assert not torch.equal(one("3,4"), one("3,4", seed=1))
    torch.rand(3)
    torch.set_rng_state(before)
    assert torch.equal(one("3,4"), one("3,4"))
    assert torch.equal(torch.get_rng_state(), before)


@given(st.integers(1, 300), st.sampled_from(["int64", "int32", "int16", "uint8"]))
def test_integers_stay_below_their_bound(bound: int, dtype: str) -> None:
    bound = min(bound, 256) if dtype == "uint8" else bound
    values = one(f"5,400:{dtype}<{bound}").long()
    assert int(values.min()) >= 0
    assert int(values.max()) < bound
    assert len(set(values.flatten().tolist())) > min(bound, 40) // 2


def test_integers_without_a_bound_fit_every_embedding() -> None:
    model = nn.ModuleList([nn.Embedding(50, 2), nn.Sequential(nn.EmbeddingBag(7, 2))])
    assert set(one("1000:int64", model).tolist()) == set(range(7))
    assert set(one("100:int64").tolist()) == {0, 1}
    assert int(one("500:int8", nn.Embedding(1000, 2)).min()) >= 0


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(0, 5))
def test_booleans_have_one_of_each_in_every_row_that_can(shape: list[int], seed: int) -> None:
    values = one(f"{','.join(map(str, shape))}:bool", seed=seed)
    rows = values.reshape(-1, shape[-1])
    if shape[-1] > 1:
        assert rows.any(1).all()
        assert not rows.all(1).any()


def test_names_values_and_lists() -> None:
    specs = parse_inputs(
        ["1,2", "[3,4,4]", "[3,5,5]", "6", "ids=2:int64", "flag:=true", "n:=null", "more=[3,6,6]"]
    )
    args, kwargs = make_inputs(specs, ANY, device="meta")
    assert [type(value) for value in args] == [Tensor, list, Tensor]
    assert [tuple(image.shape) for image in args[1]] == [(3, 4, 4), (3, 5, 5)]
    assert tuple(kwargs) == ("ids", "flag", "n", "more")
    assert kwargs["flag"] is True
    assert kwargs["n"] is None
    assert [tuple(image.shape) for image in kwargs["more"]] == [(3, 6, 6)]


def feed(folder: Path, body: str) -> str:
    (folder / "feed.py").write_text(f"import torch\nimport sizes\ndef make():\n    {body}\n")
    (folder / "sizes.py").write_text("SIDE = 4\n")
    return "@feed.py:make"


@pytest.mark.parametrize(
    ("body", "args", "kwargs"),
    [
        ("return torch.ones(2, sizes.SIDE)", [(2, 4)], {}),
        ("return torch.ones(2), torch.ones(3)", [(2,), (3,)], {}),
        ("return [torch.ones(2), 7, None]", [(2,), 7, None], {}),
        ("return {'x': torch.ones(2), 'flag': True}", [], {"x": (2,), "flag": True}),
        ("return ([torch.ones(2)],)", [[(2,)]], {}),
    ],
)
def test_a_function_of_the_users_gives_anything_else(
    in_folder: Path, body: str, args: list[object], kwargs: dict[str, object]
) -> None:
    specs = parse_inputs([feed(in_folder, body)])
    for device in ("cpu", "meta"):
        made = make_inputs(specs, ANY, device=device)
        shapes = torch.utils._pytree.tree_map_only(Tensor, lambda it: tuple(it.shape), made)
        assert shapes == (tuple(args), kwargs)
        tensors = [it for it in torch.utils._pytree.tree_leaves(made) if isinstance(it, Tensor)]
        assert {tensor.device.type for tensor in tensors} == {device}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return None",
            ("--input @feed.py:make: it returns None; "
            "return one tensor, or a tuple, list or dict of inputs"),
        ),
        (
            "return 3",
            ("--input @feed.py:make: it returns a value of type int; "
            "return one tensor, or a tuple, list or dict of inputs"),
        ),
        ("return {1: 2}", "--input @feed.py:make: the key 1 is not an argument name"),
        ("return 1/0", "feed.py:4: `make` raises ZeroDivisionError: division by zero"),
        ("return open('none.txt')", ("feed.py:4: `make` raises FileNotFoundError: [Errno 2] No "
         "such file or directory: 'none.txt'")),
    ],
)  # fmt: skip
def test_a_function_that_gives_no_inputs(in_folder: Path, body: str, message: str) -> None:
    specs = parse_inputs([feed(in_folder, body)])
    with pytest.raises(ShapescopeError) as caught:
        make_inputs(specs, ANY, device="meta")
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_a_function_that_is_not_there(in_folder: Path) -> None:
    feed(in_folder, "return 1")
    for text, message in (
        ("@feed.py:other", "feed.py has no function `other`"),
        ("@fed.py:make", r"fed\.py does not exist; did you mean feed\.py\?"),
    ):
        with pytest.raises(ShapescopeError, match=message):
            make_inputs(parse_inputs([text]), ANY, device="meta")


def test_a_function_from_an_edited_file(in_folder: Path) -> None:
    specs = parse_inputs([feed(in_folder, "return torch.ones(2)")])
    edited = {in_folder / "sizes.py": "SIDE = 9\n", in_folder / "feed.py": (
        "import torch\nfrom sizes import SIDE\ndef make():\n    return torch.ones(SIDE)\n"
    )}  # fmt: skip
    args, _ = make_inputs(specs, ANY, device="meta", overrides=edited)
    assert args[0].shape == (9,)


class Named(nn.Module):
    def forward(self, image: Tensor, /, text: Tensor, *rest: Tensor, flag: bool = True) -> Tensor:
        return image


def test_the_names_of_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert input_names(Named(), 4) == ["image", "text", None, None]
    assert input_names(Named(), 1) == ["image"]
    wrapped: Any = Named()
    wrapped.forward = functools.wraps(wrapped.forward)(lambda *args: args[0])
    assert input_names(wrapped, 3) == ["image", "text", None]
    assert input_names(nn.Linear(2, 2), 1) == ["input"]
    odd = Named()
    odd.forward = print  # type: ignore[assignment]
    assert input_names(odd, 2) == [None, None]
    monkeypatch.setattr(Named, "forward", functools.wraps(Named.forward)(lambda *args: args[0]))
    assert input_names(Named(), 3) == ["image", "text", None]


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("class Batch(NamedTuple):", "Batch(torch.ones(2, 6), 3)"),
        ("@dataclass\nclass Batch:", "Batch(torch.ones(2, 6), 3)"),
    ],
)
def test_a_function_that_returns_a_record_returns_one_input(
    tmp_path: Path, kind: str, made: str
) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\nfrom dataclasses import dataclass\nfrom typing import NamedTuple\n"
        f"{kind}\n    image: torch.Tensor\n    scale: int\n"
        f"def batch():\n    return {made}\n"
    )
    (spec,) = parse_inputs([f"@{file}:batch"])
    args, kwargs = make_inputs([spec], nn.Linear(6, 2), device="cpu")
    assert [one.image.shape for one in args] == [(2, 6)]
    assert kwargs == {}

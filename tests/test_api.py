from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import shapescope
from shapescope.api import check, params, summary, trace
from shapescope.diagnostic import ShapescopeError
from shapescope.result import TraceResult


class Two(nn.Module):
    """Two inputs and a flag."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.fc = nn.Linear(4, 3)

    def forward(self, ids: torch.Tensor, x: torch.Tensor, twice: bool = False) -> torch.Tensor:
        out: torch.Tensor = self.fc(self.embed(ids) + x)
        return out * 2 if twice else out


def ops(result: TraceResult) -> list[str]:
    return [step.op for step in result.trace.leaves]


def test_a_live_model_and_its_shape() -> None:
    result = trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 1, 8, 8))
    assert ops(result) == ["conv2d", "relu"]
    assert result.trace.outputs[0].shape == (1, 2, 6, 6)
    assert not result.failed


def test_the_name_of_a_model_will_do() -> None:
    assert trace("network").trace.outputs[0].shape == (1, 10)
    with pytest.raises(ShapescopeError, match="did you mean lenet5"):
        trace("lenet6")


def test_several_inputs_with_dtypes() -> None:
    result = trace(Two(), [(2, 5), (2, 5, 4)], dtypes=[torch.int64])
    assert [spec.dtype for spec in result.trace.inputs] == ["int64", "float32"]
    assert trace(Two(), [(2, 5), (2, 5, 4)], dtypes=["int64", "float32"]).trace == result.trace


def test_data_as_a_tensor_a_list_and_a_dict() -> None:
    ids, x = torch.ones(2, 5, dtype=torch.int64), torch.rand(2, 5, 4)
    listed = trace(Two(), input_data=[ids, x])
    named = trace(Two(), input_data={"ids": ids, "x": x})
    assert listed.trace.outputs == named.trace.outputs
    alone = trace(nn.Linear(4, 2), input_data=x)
    assert alone.trace.outputs[0].shape == (2, 5, 2)


def test_further_arguments_go_to_forward() -> None:
    shapes = [(2, 5), (2, 5, 4)]
    assert ops(trace(Two(), shapes, dtypes=["int64"], twice=True))[-1] == "mul"
    ids, x = torch.ones(2, 5, dtype=torch.int64), torch.rand(2, 5, 4)
    assert ops(trace(Two(), input_data=(ids, x), twice=True))[-1] == "mul"
    assert ops(trace(Two(), ids=ids, x=x))[-1] == "linear"


def test_a_batch_axis_can_be_put_in() -> None:
    result = trace(nn.Conv2d(3, 4, 1), (3, 8, 8), batch_dim=0)
    assert result.trace.inputs[0].shape == (1, 3, 8, 8)


def test_without_an_input_one_is_inferred() -> None:
    result = trace(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)))
    assert result.trace.outputs[0].shape[-1] == 3
    assert any("inferred" in note for note in result.notes)


@pytest.mark.parametrize(("mode", "expected"), [(None, False), ("eval", False), ("train", True),
                                                ("same", True)])  # fmt: skip
def test_modes(mode: str | None, expected: bool) -> None:
    model = nn.Sequential(nn.BatchNorm1d(3)).train()
    result = trace(model, (4, 3), mode=mode)
    norm = result.trace.leaves[0].attrs
    assert norm is not None
    assert norm.batch_statistics is expected  # type: ignore[union-attr]
    assert model.training


def test_devices() -> None:
    model = nn.Linear(3, 2)
    assert trace(model, (1, 3), device="meta").trace.mode == "meta"
    assert trace(model, (1, 3), device=torch.device("cpu")).trace.mode == "real"
    assert model.weight.device.type == "cpu"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"input_size": (1, 3), "input_data": torch.rand(1, 3)}, "exclude each other"),
    ({"input_size": (1, 0)}, "whole numbers above 0"),
    ({"input_size": [(1, "a")]}, "whole numbers above 0"),
    ({"input_size": (1, 3), "mode": "test"}, "`mode` is 'test'"),
    ({"input_size": (1, 3), "col_names": ["outptu"]}, "did you mean `output`"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_requests(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapescopeError, match=message):
        trace(nn.Linear(3, 2), **arguments)


def test_a_model_that_raises_is_a_result() -> None:
    result = trace(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2)), (1, 3))
    assert result.failed
    assert result.trace.failure is not None
    assert result.diagnostics[0].rule == "linear-in-features"


class Unexplained(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise KeyError("something of its own")


def test_what_no_rule_explains_is_told_as_it_was_raised() -> None:
    result = trace(Unexplained(), (1, 3))
    assert result.failed
    assert any("something of its own" in found.message for found in result.diagnostics)


def test_the_users_model_stays_as_it_is() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    trace(model, (4, 1, 8, 8), mode="train")
    trace(model, (4, 1, 8, 8), device="cpu", mode="train")
    trace(model, (4, 5, 8, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(module._forward_hooks for module in model.modules())


def test_columns_by_torchinfos_names() -> None:
    result = trace(
        "network",
        col_names=("input_size", "output_size", "num_params", "params_percent", "kernel_size",
                   "mult_adds", "trainable"),
        depth=3, col_width=16, row_settings=("var_names",), cache_forward_pass=True,
    )  # fmt: skip
    assert str(result).splitlines()[2].split() == [
        "path", "op", "input", "output", "params", "share", "settings", "MACs", "trainable",
    ]  # fmt: skip


def test_repeated_layers_can_be_hidden() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4)) for _ in range(5)))
    shown = str(trace(model, (1, 4), row_settings=["hide_recursive_layers"]))
    assert "Sequential x 5" in shown


@pytest.mark.parametrize("call", [trace, params, check, summary])
def test_what_is_no_model_is_said(call: Any) -> None:
    with pytest.raises(ShapescopeError, match=r"^this is no model but of type int; give a torch"):
        call(3)
    with pytest.raises(ShapescopeError, match=r"^`Linear` is a class, not a model; give one of it"):
        call(nn.Linear)


def test_a_device_that_torch_does_not_know() -> None:
    for device in ("tpu9", 3.5):
        with pytest.raises(ShapescopeError, match="torch knows no device"):
            trace("network", device=device)


def test_an_input_called_input_is_named_once() -> None:
    first = str(trace(nn.Sequential(nn.Linear(4, 4)), (1, 4))).splitlines()[0]
    assert first == "Sequential   input 1 x 4   traced on meta tensors"


def test_a_prompt_shows_the_table() -> None:
    for result in (trace("network"), params("network")):
        assert repr(result) == str(result)


def test_the_result_in_every_form() -> None:
    result = trace("network")
    assert result.to_dict()["schema"] == "shapescope.trace/1"
    assert result.to_json(indent=None).startswith('{"schema"')
    assert "| conv1 |" in result.to_markdown()
    assert result.to_csv().startswith("index,path,op")
    assert result._repr_html_().startswith("<div")


def test_nothing_is_printed_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    trace("network")
    assert capsys.readouterr().out == ""
    trace("network", verbose=1)
    assert capsys.readouterr().out.startswith("network   input")


def test_summary_prints_as_torchinfos_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = summary("network", depth=1)
    assert capsys.readouterr().out.startswith("network   input")
    assert result.trace.model == "network"
    assert (result.total_params, result.trainable_params) == (32_998, 32_998)
    assert (result.total_param_bytes, result.total_mult_adds) == (4 * 32_998, result.totals.macs)
    summary("network", verbose=0)
    assert capsys.readouterr().out == ""
    monkeypatch.setitem(__import__("sys").modules, "ipykernel", nn)
    summary("network")
    assert capsys.readouterr().out == ""


def test_params_of_a_name_and_of_a_module() -> None:
    assert params("network").total == 32_998
    module = nn.Linear(3, 2)
    assert params(module).parameters[0].moments is not None
    assert params("network", seed=1) != params("network")
    assert params("network") == params("network")


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_params_of_a_lazy_model() -> None:
    with pytest.raises(ShapescopeError, match="are lazy"):
        params(nn.LazyLinear(3))


def test_check() -> None:
    assert check("network", outputs=[[1, 10]], max_params=32_998) == ()
    found = check(nn.Linear(3, 2), (1, 3), outputs=[(1, 3)], max_macs=5)
    assert [one.rule for one in found] == ["unexpected-output", "too-many-macs"]
    assert check(nn.Linear(3, 2), (1, 4))[0].rule == "linear-in-features"


def test_the_package_offers_it_all() -> None:
    assert shapescope.trace is trace
    assert shapescope.summary is summary
    assert shapescope.TraceResult is TraceResult
    assert set(shapescope.__all__) <= set(dir(shapescope))
    assert all(hasattr(shapescope, name) for name in shapescope.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        shapescope.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (torch.rand(1, 3), "`input_size` is a tensor; give a shape, as in (1, 3, 32, 32), or a "),
        ([torch.rand(1, 3)], "`input_size` holds a tensor; give a shape, as in (1, 3, 32, 32), "),
        ("1,3", "`input_size` is a str; give a shape, as in (1, 3, 32, 32), or a list of "),
        (["1,3"], "`input_size` holds a str; give a shape, as in (1, 3, 32, 32), or a list "),
        (5, "`input_size` is 5; give a shape, as in (1, 3, 32, 32), or a list of shapes; a "),
        ((1, 0, 9), "`input_size` holds (1, 0, 9); give whole numbers above 0"),
    ],
)
def test_no_shape_is_told_without_its_values(given: Any, said: str) -> None:
    with pytest.raises(ShapescopeError) as caught:
        trace(nn.Linear(3, 2), given)
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 120


def test_an_argument_that_nothing_takes_is_a_slip() -> None:
    with pytest.raises(ShapescopeError) as caught:
        trace(nn.Linear(3, 2), input_shape=(1, 3))
    assert str(caught.value) == (
        "neither `trace` nor forward has an argument `input_shape`; did you mean `input_size`?"
    )
    with pytest.raises(ShapescopeError, match="argument `twyce`; did you mean `twice`"):
        trace(Two(), [(2, 5), (2, 5, 4)], dtypes=["int64"], twyce=True)

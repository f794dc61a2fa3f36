"""Names of a model are text in its report, whatever they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shapescope.attrs import ConvAttrs, ModuleAttrs, make
from shapescope.render.images import Picture
from shapescope.render.report import Exhibit, RunView
from shapescope.result import TraceResult
from shapescope.trace import ParamSpec, Step, TensorSpec, Trace, verify
from tests.pictures.report_page import click, detail, quiet, write

pytestmark = pytest.mark.browser


def hostile(name: str) -> TraceResult:
    """A model whose module, input and model have names that would be tags."""
    spec = TensorSpec((1, 3, 8, 8))
    made = TensorSpec((1, 4, 8, 8))
    weight = ParamSpec(f"{name}.weight", (4, 3, 1, 1), "float32", True, f"{name}.weight")
    conv = make(
        ConvAttrs,
        in_channels=3,
        out_channels=4,
        kernel_size=(1, 1),
        stride=(1, 1),
        padding=(0, 0),
        dilation=(1, 1),
    )
    given = TensorSpec(spec.shape, name=name)
    steps = (
        Step(0, "", "module", "module", None, (), (given,), (made,), ModuleAttrs(name)),
        Step(
            1,
            name,
            "conv2d",
            "module",
            0,
            (),
            (given,),
            (made,),
            conv,
            (weight,),
        ),
    )
    trace = Trace(name, "meta", (given,), steps, (made,), params=(weight,))
    verify(trace)
    return TraceResult(trace)


@pytest.mark.parametrize(
    "name",
    [
        "<script>document.title='owned'</script>",
        "</script><script>document.title='owned'</script>",
        "<img src=x onerror=\"document.title='owned'\">",
        "]]><svg onload=\"document.title='owned'\">",
        "&lt;script&gt; \" ' \\",
    ],
)
def test_names_of_a_model_are_text(desktop: Any, tmp_path: Path, name: str) -> None:
    run = RunView(
        title=name,
        facts=((name, name),),
        metrics=[{"epoch": 1, "split": name, "loss": 1.0, "top1_accuracy": 0.5}],
        classes=(name, "b"),
        split=name,
        confusion=((1, 0), (0, 1)),
        mistakes=(Exhibit(Picture(1, 1, 1, b"\x00"), name),),
    )
    desktop.open(write(tmp_path, hostile(name), run))
    click(desktop, "#rows tr[data-step] .path")
    assert name in detail(desktop)
    assert desktop.run("return document.title") == f"{name} - shapescope"
    assert desktop.run("return document.querySelector('h1').textContent") == name
    assert desktop.run("return document.scripts.length") == 2
    quiet(desktop)

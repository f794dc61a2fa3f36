"""Files that ask for a GPU or a compiler, on a machine without one and in no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import shapescope
from shapescope.capture.loader import load
from shapescope.capture.loading.one_device import on_one_device, without_gpu
from shapescope.capture.loading.uncompiled import uncompiled

WITHOUT_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")

ON_GPU = """
import torch
from torch import nn

torch.cuda.set_device(0)
device = torch.device("cuda:0")
top = torch.zeros(3).cuda()

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4).cuda()
        self.mean = torch.zeros(6, device=device)
        self.register_buffer("std", torch.ones(6, device="cuda"))
        self.scale = nn.Parameter(torch.randn(4).to("cuda"))
        self.to(device)

    def forward(self, x):
        x = x.cuda()
        noise = torch.randn(x.shape[0], 6).to(device)
        return self.fc((x - self.mean) / self.std + noise) * self.scale

model = Net().cuda()
"""


@WITHOUT_GPU
@pytest.mark.parametrize("name", ["net.py:Net", "net.py:model"])
def test_a_file_that_moves_everything_to_a_gpu(in_folder: Path, name: str) -> None:
    (in_folder / "net.py").write_text(ON_GPU)
    result = shapescope.trace(name)
    assert result.trace.failure is None
    assert [spec.shape for spec in result.trace.inputs] == [(1, 6)]
    assert [spec.shape for spec in result.trace.outputs] == [(1, 4)]
    assert result.trace.mode == "meta"


@WITHOUT_GPU
def test_torchs_functions_are_put_back() -> None:
    before = torch.cuda.set_device, torch.cuda.synchronize, torch.cuda.current_device
    with pytest.raises(ZeroDivisionError), on_one_device():
        assert torch.cuda.current_device() == 0
        assert torch.ones(2, device="cuda").cuda().to("cuda:0").device.type == "cpu"
        raise ZeroDivisionError
    assert (torch.cuda.set_device, torch.cuda.synchronize, torch.cuda.current_device) == before


def test_other_errors_pass_and_are_not_tried_twice() -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise RuntimeError("sizes differ")

    with pytest.raises(RuntimeError, match="sizes differ"):
        without_gpu(fail)
    assert calls == [1]


COMPILED = """
import torch
from torch import nn

@torch.jit.script
def gate(x, y):
    return torch.matmul(x, y.t()).sigmoid()

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 2)

    @torch.compile(mode="max-autotune")
    def head(self, x):
        return self.fc(x)

    def forward(self, x):
        x = self.conv(x).mean((2, 3))
        return self.head(x), gate(x, x)

model = torch.compile(Net())
"""


def test_what_is_compiled_or_scripted_is_opened(in_folder: Path) -> None:
    (in_folder / "net.py").write_text(COMPILED)
    trace = shapescope.trace("net.py:model", input_size=(2, 3, 8, 8)).trace
    ops = [(step.path, step.op) for step in trace.leaves]
    assert ops == [
        ("conv", "conv2d"), ("", "mean"), ("fc", "linear"), ("", "transpose"), ("", "matmul"),
        ("", "sigmoid"),
    ]  # fmt: skip


SCRIPTED = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
    def forward(self, x):
        return torch.relu(self.conv(x))

def scripted():
    return torch.jit.script(Net().eval())

def traced():
    return torch.jit.trace(Net().eval(), torch.rand(1, 3, 8, 8))
"""


@pytest.mark.parametrize("name", ["scripted", "traced"])
def test_a_scripted_model_of_a_file_tells_its_layers(in_folder: Path, name: str) -> None:
    (in_folder / "net.py").write_text(SCRIPTED)
    trace = shapescope.trace(f"net.py:{name}").trace
    assert trace.mode == "meta"
    assert [(step.path, step.op) for step in trace.leaves][-2:] == [
        ("conv", "conv2d"),
        ("", "relu"),
    ]


def test_the_compilers_are_put_back() -> None:
    program: Any = torch
    before = program.compile, program.jit.script, program.jit.trace
    layer = nn.ReLU()
    with uncompiled():
        assert program.compile(layer) is program.jit.script(layer) is layer
        assert program.jit.trace(layer, torch.rand(2)) is layer
        assert program.jit.trace(func=layer, example_inputs=torch.rand(2)) is layer
    assert (program.compile, program.jit.script, program.jit.trace) == before


@WITHOUT_GPU
def test_a_model_is_built_on_meta_all_the_same(in_folder: Path) -> None:
    (in_folder / "net.py").write_text(ON_GPU)
    assert load("net.py:Net").build().device == "meta"


BY_NUMBER = """
import torch
from torch import nn

top = torch.zeros(3).to(0)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4).to(0)
        self.register_buffer("mean", torch.zeros(6, device=0))
        self.register_buffer("std", torch.cuda.FloatTensor(6).fill_(1))
        self.scale = nn.Parameter(torch.ones(4).type("torch.cuda.FloatTensor"))

    def forward(self, x):
        noise = torch.zeros(6, device=0)
        x = x.to(0).type("torch.cuda.FloatTensor").type(torch.cuda.FloatTensor)
        return self.fc((x - self.mean) / self.std + noise) * self.scale

model = Net()
"""


@WITHOUT_GPU
@pytest.mark.parametrize("name", ["net.py:Net", "net.py:model"])
def test_a_gpu_by_its_number_and_by_its_types(in_folder: Path, name: str) -> None:
    (in_folder / "net.py").write_text(BY_NUMBER)
    result = shapescope.trace(name)
    assert result.trace.failure is None
    assert result.trace.mode == "meta"
    assert [spec.shape for spec in result.trace.outputs] == [(1, 4)]


@WITHOUT_GPU
def test_types_of_a_gpu_are_put_back_and_keep_their_dtype() -> None:
    program: Any = torch
    before = program.cuda.LongTensor
    with on_one_device():
        assert torch.ones(2).type("torch.cuda.LongTensor").dtype == torch.int64
        assert torch.ones(2).type(torch.float16).dtype == torch.float16
        assert torch.ones(2).type() == "torch.FloatTensor"
        made = program.cuda.LongTensor([1, 2])
        assert (made.device.type, made.dtype) == ("cpu", torch.int64)
    assert program.cuda.LongTensor is before

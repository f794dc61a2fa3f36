"""Compiling says nothing of GPUs on a machine that has none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

CODE = """
from shapescope.training.compiled import compiled
{call}
import torch.utils.cpp_extension
"""


def _stderr(call: str) -> str:
    environment = {**os.environ, "CUDA_HOME": sys.prefix}
    command = [sys.executable, "-c", CODE.format(call=call)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="the remark is made where there is no GPU")
def test_it_is_quiet_about_gpus() -> None:
    assert "No CUDA runtime" in _stderr("")
    assert _stderr("compiled(len)") == ""

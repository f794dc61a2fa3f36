"""Two processes against one: the same weights and the same figures; a lost worker is replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from shapescope.training import checkpoint
from shapescope.training.distributed import Group, joined, launched
from shapescope.training.plan import _own, _share

pytestmark = pytest.mark.filterwarnings("default")


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
@pytest.mark.parametrize(("images", "batch_size"), [(20, 4), (10, 4), (7, 3), (9, 8)])
def test_every_image_of_every_batch_belongs_to_one_process(
    processes: int, images: int, batch_size: int
) -> None:
    lot = torch.arange(images)
    batches = torch.split(lot, batch_size)
    groups = [Group(rank, processes) for rank in range(processes)]
    shares = [_share(lot, batch_size, group) for group in groups]
    for number, batch in enumerate(batches):
        counts = [_own(len(batch), group) for group in groups]
        assert sum(counts) == len(batch)
        assert max(counts) - min(counts) <= 1
        parts = [share[number][:count] for share, count in zip(shares, counts, strict=True)]
        assert torch.cat(parts).equal(batch)
        # a process without a part gets an image all the same, to take part in the sums
        assert all(len(share[number]) >= 1 for share in shares)


def test_one_process_needs_no_group() -> None:
    assert not launched()
    with joined("cpu") as group:
        assert group == Group()
        assert group.leads
        assert group.gather("x") == ["x"]
        assert group.from_leader("x") == "x"
        assert group.total(torch.ones(2)).tolist() == [1, 1]


def shapescope(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, "-m", "shapescope", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env=environment,
    )


def lines_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["network"])
def test_two_processes_train_what_one_trains(tmp_path: Path, name: str) -> None:
    # 2,000 images in steps of 20 are 100 steps an epoch
    common = (
        "train",
        name,
        "--sample",
        "--epochs",
        "1",
        "--batch-size",
        "20",
        "--precision",
        "float32",
    )
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert shapescope(*common, "--out", str(alone)).returncode == 0
    ended = shapescope(*common, "--out", str(together), "--processes", "2")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("best so far") == 1  # only the leading process prints
    left = checkpoint.load(alone / "last.pt")["weights"]
    right = checkpoint.load(together / "last.pt")["weights"]
    # one process adds up the same two halves of each batch: not close, but equal
    assert all(left[key].equal(right[key]) for key in left)
    for one, other in zip(lines_of(alone), lines_of(together), strict=True):
        for key in ("epoch", "split", "count", "correct", "top1_accuracy", "loss", "loss_sum"):
            assert one[key] == other[key]
    assert json.loads((together / "config.json").read_text())["processes"] == 2


@pytest.mark.slow
def test_a_lost_worker_is_replaced_and_the_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    (tmp_path / "net.py").write_text(
        "import os, signal\n"
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n"
        "        self.calls = 0\n"
        "    def forward(self, x):\n"
        "        self.calls += self.training\n"
        "        mark = os.environ.get('MARK', '')\n"
        "        if mark and self.calls == 60 and os.environ['RANK'] == '1':\n"
        "            if not os.path.exists(mark):\n"
        "                open(mark, 'w').close()\n"
        "                os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return self.body(x)\n"
    )
    # 40 steps an epoch: the worker dies in the second
    common = (
        "train", f"{tmp_path / 'net.py'}:Net", "--dataset", "mnist", "--sample",
        "--epochs", "3", "--batch-size", "50", "--processes", "2",
    )  # fmt: skip
    assert shapescope(*common, "--out", str(whole)).returncode == 0
    mark = tmp_path / "mark"
    ended = shapescope(*common, "--out", str(run), MARK=str(mark))
    assert ended.returncode == 0, ended.stderr
    assert "shapescope itself failed" not in ended.stderr
    assert mark.exists()
    assert len(lines_of(run)) == 6
    left = checkpoint.load(whole / "last.pt")["weights"]
    right = checkpoint.load(run / "last.pt")["weights"]
    assert all(left[key].equal(right[key]) for key in left)


def started(worker: str, rank: int, port: int, *, restarts: int = 0) -> subprocess.Popen[str]:
    """Start one of two workers as a launcher does whose store listens on the port."""
    place = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": str(restarts),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", worker],
        env=os.environ | place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a store that outlives workers and remembers what they wrote."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    yield store.port
    del store


@pytest.mark.slow
def test_workers_started_again_do_not_look_where_the_others_were(port: int) -> None:
    worker = """
import os, time
time.sleep(0 if os.environ["RANK"] == "1" else 4)  # enough to read what an earlier start left
import torch
from shapescope.training.distributed import joined
with joined("cpu") as group:
    print(group.restarts, group.total(torch.ones(1)).item())
"""
    for restarts in range(2):
        workers = [started(worker, rank, port, restarts=restarts) for rank in range(2)]
        said = [worker.communicate(timeout=100)[0] for worker in workers]
        assert said == [f"{restarts} 2.0\n"] * 2


@pytest.mark.slow
def test_a_worker_says_that_another_one_ended(port: int) -> None:
    worker = """
import os
import torch
from shapescope.diagnostic import ShapescopeError
from shapescope.training.distributed import joined
try:
    with joined("cpu") as group:
        group.total(torch.ones(1))
        if not group.leads:
            os._exit(0)
        group.total(torch.ones(1))
except ShapescopeError as error:
    print(error.exit_code, error)
"""
    workers = [started(worker, rank, port) for rank in range(2)]
    said = [worker.communicate(timeout=100)[0] for worker in workers]
    assert said == ["1 another process of the run ended before its work was done\n", ""]

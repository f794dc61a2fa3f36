"""kill -9 at any moment: no checkpoint is ever unreadable, and the end is the same to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("SHAPESCOPE_KILLS", "4"))

DRIVER = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from shapescope.training import checkpoint
from shapescope.training.options import TrainOptions, new_request, resumed_request
from shapescope.training.run import Run
from shapescope.training.train import train

torch.set_num_threads(1)
folder, kills = Path(sys.argv[1]), int(sys.argv[2])
options = TrainOptions(
    "network", sample=True, changes={"epochs": 4}, checkpoint_seconds=0.05
)

def go(run):
    if run.exists:
        request, engine = resumed_request(TrainOptions(), run)
        train(request, run, resume=True, engine=engine)
    else:
        train(new_request(options), run)

def child(run):
    pid = os.fork()
    if pid == 0:
        try:
            go(run)
        except BaseException as error:
            print(f"the resumed run failed: {error!r}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return pid

go(Run(folder / "whole"))
wanted = checkpoint.load(folder / "whole" / "last.pt")
# a forked process has imported everything already: it is the one to time
start = time.perf_counter()
os.waitpid(child(Run(folder / "timed")), 0)
seconds = time.perf_counter() - start

random.seed(0)
killed = finished = 0
run, number = Run(folder / "run0"), 0
while killed < kills:
    pid = child(run)
    time.sleep(random.uniform(0, seconds))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        killed += 1
    elif os.WEXITSTATUS(status):
        sys.exit("a run failed")
    for name in ("last.pt", "best.pt"):
        if (run.folder / name).exists():
            checkpoint.load(run.folder / name)
    if run.folder.exists():
        run.metrics()
    if os.WIFEXITED(status) or killed == kills:
        go(run)
        found = checkpoint.load(run.last_path)
        for key in ("weights", "optimizer"):
            left = torch.utils._pytree.tree_leaves(wanted[key])
            right = torch.utils._pytree.tree_leaves(found[key])
            same = [
                torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
                for a, b in zip(left, right)
            ]
            if len(left) != len(right) or not all(same):
                sys.exit(f"{key} differ after {killed} kills")
        if [p.name for p in run.folder.iterdir() if p.name.endswith(".part")]:
            sys.exit("half-written files were left")
        finished += 1
        number += 1
        run = Run(folder / f"run{number}")
print(f"{killed} kills, {finished} runs ended with the same bits")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_random_moments(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path), str(KILLS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + 30 * KILLS,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"{KILLS} kills" in ended.stdout

"""How long the program takes to start, beside what it cannot do without.

Each command runs in a fresh process, all of them in turn so that a busy machine slows all alike;
the median of each is compared. Modules are compiled by the first round, as an installation compiles
them, also where the environment forbids Python to keep what it compiled: torch has been compiled
when it was installed.

- `shapescope --help` with `python -c "import typer"` (the aim: at most 2.5 times),
- `shapescope trace lenet5 --input 1,1,32,32` with `python -c "import torch"` (the aim: at most 1.15
  times and 0.1 s).

Usage: python benchmarks/startup.py [ROUNDS]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ["-c", "from shapescope.cli.app import main; main()"]
COMMANDS: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "import typer": ["-c", "import typer"],
    "shapescope --help": [*PROGRAM, "--help"],
    "import torch": ["-c", "import torch"],
    "shapescope trace lenet5": [*PROGRAM, "trace", "lenet5", "--input", "1,1,32,32"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one fresh process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rounds", type=int, nargs="?", default=7, help="of each command, in turn")
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for arguments in COMMANDS.values():  # once for the file cache and the compiled modules
        seconds(arguments)
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            taken[name].append(seconds(arguments))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, median of {rounds}")
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, times in taken.items():
        low, high = min(times) * 1000, max(times) * 1000
        print(f"{name:<25} {medians[name] * 1000:7.0f} ms   ({low:.0f} to {high:.0f})")
    ratio = medians["shapescope --help"] / medians["import typer"]
    print(f"--help / import typer: {ratio:.2f} (at most 2.5)")
    limit = 1.15 * medians["import torch"] + 0.1
    ratio = medians["shapescope trace lenet5"] / medians["import torch"]
    share = medians["shapescope trace lenet5"] / limit
    print(f"trace / import torch: {ratio:.2f} (at most 1.15 and 0.1 s: {share:.0%} of the limit)")


if __name__ == "__main__":
    main()

"""Make the pictures in docs/pictures: drawings of models, and a terminal as it really looked.

Usage: python docs/make_pictures.py [--check]

With `--check` nothing is written; the exit code is 1 where a picture is not what is made now.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
DRAWINGS = (
    ("lenet5", "lenet5", "auto", "light"),
    ("lenet5-dark", "lenet5", "auto", "dark"),
    ("network", "network", "auto", "light"),
    ("cifar-cnn", "cifar-cnn", "auto", "light"),
    ("vgg16", "torchvision:vgg16", "auto", "light"),
    ("resnet50", "torchvision:resnet50", "auto", "light"),
    ("vit_b_16", "torchvision:vit_b_16", "auto", "light"),
)
TERMINAL_WIDTH = 100
WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def made() -> Iterator[tuple[str, str]]:
    """Every picture: its file's name, and its content."""
    from shapescope.render.drawing import draw, scene_to_svg
    from shapescope.render.table import result_lines
    from shapescope.render.theme import Surface
    from shapescope.session import Request, run_trace

    for name, model, style, theme in DRAWINGS:
        trace = run_trace(Request(model)).trace
        yield f"{name}.svg", scene_to_svg(draw(trace, style), theme)
    surface = Surface(width=TERMINAL_WIDTH, colour=True)
    for name, command, request in (
        ("trace-network", "shapescope trace network", Request("network")),
        (
            "trace-failure",
            "shapescope trace lenet5 --input 1,1,28,28",
            Request("lenet5", ("1,1,28,28",)),
        ),
    ):
        yield f"{name}.svg", terminal(command, result_lines(run_trace(request), surface))


def terminal(command: str, lines: object) -> str:
    """What a command printed, in its colours, as rich draws a terminal."""
    from rich.console import Console
    from rich.text import Text

    from shapescope.render.line import ansi_text

    console = Console(
        record=True,
        width=TERMINAL_WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        legacy_windows=False,
    )
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(ansi_text(lines)))  # type: ignore[arg-type]
    svg = console.export_svg(title="shapescope", unique_id="terminal")
    return WEB_FONT.sub("", svg)  # a picture asks nothing of any network


def main() -> int:
    """Write the pictures, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)  # sources are named from here
    wrong = 0
    for name, content in made():
        path = FOLDER / name
        same = path.is_file() and path.read_text(encoding="utf-8") == content
        if check and not same:
            print(f"{path.relative_to(ROOT)} is not what is made now", file=sys.stderr)
            wrong += 1
        elif not same:
            path.write_text(content, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

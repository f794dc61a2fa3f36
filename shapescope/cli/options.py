"""Arguments and options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from shapescope.cli.completion import complete_model
from shapescope.diagnostic import ShapescopeError, did_you_mean


def choices(*values: str) -> Callable[[str], list[str]]:
    """A completion that offers these values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


MODEL_HELP = (
    "A network (lenet5), file.py:Class, file.py:Class(10), torchvision:NAME, timm:NAME, hf:NAME, "
    "or package.module:factory."
)
ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        autocompletion=complete_model,
        help=MODEL_HELP,
    ),
]
Inputs = Annotated[
    list[str],
    typer.Option(
        "--input",
        "-i",
        metavar="SHAPE",
        show_default=False,
        help="An input: 1,3,32,32 or 2,10:int64<1000 or NAME=2,10 or NAME:=JSON or "
        "@file.py:function. Repeat for several.",
    ),
]
Train = Annotated[
    bool, typer.Option("--train", help="Trace in training mode (models are in eval mode else).")
]
Real = Annotated[
    bool, typer.Option("--real", help="Compute on real CPU tensors instead of shapes alone.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also show torch's own error text.")]


def file_of(output: Path | None) -> Path | None:
    """The file to write; None for `-`, which is stdout wherever files are named.

    Raises:
        ShapescopeError: it cannot be written, told before there is anything to write.
    """
    if output is None or output == Path("-"):
        return None
    from shapescope.cli.output import refuse_unwritable

    refuse_unwritable(output)
    return output


Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        callback=file_of,
        help="Write to FILE, not to stdout.",
    ),
]


def one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    """The value, if it is one of those allowed.

    Raises:
        ShapescopeError: it is none of them.
    """
    if value not in allowed:
        raise ShapescopeError(
            f"`{option} {value}` is not known{did_you_mean(value, allowed)}",
            advice=(f"{option} takes " + ", ".join(allowed),),
        )
    return value


_ENDINGS = {"json": "json", "md": "markdown", "markdown": "markdown", "csv": "csv",
            "html": "html", "htm": "html", "sarif": "sarif", "xml": "junit"}  # fmt: skip


def form_of(form: str, output: Path | None, allowed: Sequence[str]) -> str:
    """The form that was asked for, by `--format` or else by what the file's name ends with.

    The first of those allowed where neither says anything.

    Raises:
        ShapescopeError: the form is none of them.
    """
    if form or output is None:
        return one_of("--format", form or allowed[0], allowed)
    meant = _ENDINGS.get(output.suffix.lower().removeprefix("."), allowed[0])
    if meant not in allowed:
        advice = [f"--format takes {', '.join(allowed)}"]
        advice += ["shapescope report MODEL -o FILE writes a page"] if meant == "html" else []
        raise ShapescopeError(
            f"{output} asks for {meant}, which is not written here", advice=tuple(advice)
        )
    return meant


ALL_AXES = "*"
_AXES = re.compile(r"[A-Z][A-Z0-9]?(,[A-Z][A-Z0-9]?)*")


def with_optional_values(args: Sequence[str]) -> list[str]:
    """The arguments with a value behind each `--symbolic` that has none.

    `--symbolic N,H,W` names axes, `--symbolic` alone means all of them; axis names behind it are
    told from a MODEL by being capital letters.
    """
    done: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*done, word, *rest]
        if word == "--symbolic":
            named = bool(rest) and _AXES.fullmatch(rest[0]) is not None
            word = f"--symbolic={rest.pop(0) if named else ALL_AXES}"
        done.append(word)
    return done

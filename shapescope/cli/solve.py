"""`shapescope solve`: which windows turn one size into another."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Output, choices, form_of, one_of
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.arithmetic.solve import Window
    from shapescope.render.line import Line

FORMATS = ("text", "json")
KINDS = ("conv", "pool", "transposed")
_ARROW = r"\s*(?:->|=>|→|\bto\b)\s*"
_CHAIN = re.compile(
    rf"(?P<sizes>\d+(?:{_ARROW}\d+)+)(?:\s+in\s+(?P<stages>\d+)(?:\s+(?:stage|layer|step)s?)?)?"
)
_SIDES = re.compile(r"\d\s*[x,×]\s*\d")
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add `solve`."""
    app.command("solve")(solve)


def solve(
    question: Annotated[
        list[str],
        typer.Argument(
            metavar="IN -> OUT in STAGES",
            show_default=False,
            help='A chain: "224 -> 7 in 5 stages".',
        ),
    ] = [],  # noqa: B006 - the parser makes a list of its own
    n: Annotated[
        int | None, typer.Option("--in", min=1, metavar="N", show_default=False, help="Input size.")
    ] = None,
    out: Annotated[
        int | None,
        typer.Option("--out", min=1, metavar="N", show_default=False, help="Output size."),
    ] = None,
    kernel_size: Annotated[
        int | None,
        typer.Option(
            "--kernel-size", "-k", min=1, metavar="K", show_default=False, help="Kernel size."
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option("--stride", "-s", min=1, metavar="S", show_default=False, help="Stride."),
    ] = None,
    padding: Annotated[
        int | None,
        typer.Option("--padding", "-p", min=0, metavar="P", show_default=False, help="Padding."),
    ] = None,
    dilation: Annotated[
        int | None,
        typer.Option("--dilation", "-d", min=1, metavar="D", show_default=False, help="Dilation."),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="conv, pool or transposed.", autocompletion=choices(*KINDS)
        ),
    ] = "conv",
    ceil_mode: Annotated[bool, typer.Option("--ceil-mode", help="Round up (pools).")] = False,
    most: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="The most answers to show.")
    ] = _SHOWN,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORM",
            help="text or json; else by the ending of -o.",
            autocompletion=choices(*FORMATS),
        ),
    ] = "",
    output: Output = None,
) -> int:
    """List the windows that turn one size into another, the common ones first.

    Whatever is left open of input, output, kernel size, stride, padding and dilation is solved
    for. A chain of several stages is asked for in words.

    Exit code 0: there is an answer, 1: there is none, 2: a wrong request.

    Examples:
    shapescope solve --in 28 --out 14
    shapescope solve --in 28 --out 14 --kernel-size 3
    shapescope solve --out 7 --kernel-size 3 --stride 2 --padding 1
    shapescope solve --in 7 --out 14 --kind transposed
    shapescope solve "224 -> 7 in 5 stages"
    shapescope solve 28 to 14 to 7
    """  # fmt: skip
    form = form_of(form, output, FORMATS)
    one_of("--kind", kind, KINDS)
    from shapescope.arithmetic.nearest import nearest_windows, widely_padded
    from shapescope.arithmetic.solve import solve_window

    asked = " ".join(question).strip()
    settings: dict[str, int | None] = {
        "kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation,
    }  # fmt: skip
    if ceil_mode and kind != "pool":
        raise ShapescopeError(
            "--ceil-mode is for pools", advice=("shapescope solve --kind pool --ceil-mode",)
        )
    nearest: list[tuple[Window, ...]] = []
    reason, wide = None, False
    try:
        if asked:
            _refuse_settings({"in": n, "out": out, **settings, "ceil-mode": ceil_mode or None})
            chains, nearest = _chains(asked, kind, most)
        else:
            found = solve_window(n, out, **settings, kind=kind, ceil_mode=ceil_mode)  # type: ignore[arg-type]
            chains = [(window,) for window in found[:most]]
            if not chains:
                close = nearest_windows(n, out, settings, kind=kind, ceil_mode=ceil_mode)  # type: ignore[arg-type]
                nearest = [(window,) for window in close]
                reason = _refused(n, settings, kind, ceil_mode)
                padded = widely_padded(n, out, settings, kind=kind)  # type: ignore[arg-type]
                chains, wide = [(window,) for window in padded[:most]], bool(padded)
                nearest = [(w,) for w in close if (w.n, w.out) == (n, out)] if wide else nearest
    except ValueError as error:
        raise ShapescopeError(
            str(error)[:1].lower() + str(error)[1:], advice=("shapescope solve --help",)
        ) from error
    from shapescope.cli.output import emit, show

    if form == "json":
        from shapescope.render.json import to_json

        data = {
            "answers": [[_data(window) for window in chain] for chain in chains],
            "nearest": [[_data(window) for window in chain] for chain in nearest],
        }
        emit(to_json({"schema": "shapescope.solve/1", **data}), output)
    elif chains:
        show(_lines(chains) if not wide else _with_wide_padding(chains, nearest), output)
    else:
        show(_no_answer(nearest, reason, asked), output)
    return 0 if chains else 1


def _chains(
    asked: str, kind: str, most: int
) -> tuple[list[tuple[Window, ...]], list[tuple[Window, ...]]]:
    """The chains that were asked for in words, and where there are none those that come close."""
    from shapescope.arithmetic.chain import solve_chain
    from shapescope.arithmetic.nearest import nearest_chains

    match = _CHAIN.fullmatch(asked)
    sizes = [] if match is None else [int(size) for size in re.findall(r"\d+", match["sizes"])]
    if match is None and _SIDES.search(asked):
        raise ShapescopeError(
            f"`{asked}` speaks of two sides",
            advice=("windows are solved for along one axis: shapescope solve 32 to 8 in 2 stages",),
        )
    if match is None or (len(sizes) > 2 and match["stages"]):
        raise ShapescopeError(
            f"`{asked}` is no chain",
            advice=(
                "a shell takes > for a file: shapescope solve 224 to 7 in 5 stages",
                'or in quotes: shapescope solve "224 -> 7 in 5 stages"',
            ),
        )
    kinds = None if kind == "conv" else (kind,)
    if len(sizes) > 2:
        # each size is named: a stage for each of them
        stages = [_stage(one, two, kind, most) for one, two in itertools.pairwise(sizes)]
        return list(zip(*stages, strict=False)), []
    first, last, count = sizes[0], sizes[1], int(match["stages"] or 1)
    chains: list[tuple[Window, ...]]
    if count == 1:
        chains = [(window,) for window in _stage(first, last, kind, most)]
    else:
        chains = solve_chain(first, last, count, kinds=kinds, limit=most)  # type: ignore[arg-type]
    return chains, [] if chains else nearest_chains(first, last, count, kinds)  # type: ignore[arg-type]


def _stage(n: int, out: int, kind: str, most: int) -> list[Window]:
    """The windows of one stage: those that networks are made of, else any."""
    from shapescope.arithmetic.chain import solve_chain
    from shapescope.arithmetic.solve import solve_window

    kinds = None if kind == "conv" else (kind,)
    common = solve_chain(n, out, 1, kinds=kinds, limit=most)  # type: ignore[arg-type]
    if common:
        return [window for (window,) in common]
    fitting = "transposed" if kinds is None and out > n else kind
    return solve_window(n, out, kind=fitting)[:most]  # type: ignore[arg-type]


def _refuse_settings(given: Mapping[str, object]) -> None:
    """Refuse options that say how one window is set where a chain was asked for in words."""
    named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if named:
        raise ShapescopeError(
            f"a chain in words takes no {' or '.join(named)}",
            advice=("for one window: shapescope solve --in 28 --out 14 --kernel-size 5",),
        )


def _data(window: Window) -> dict[str, object]:
    return {
        "kind": window.kind,
        "in": window.n,
        "out": window.out,
        "kernel_size": window.kernel_size,
        "stride": window.stride,
        "padding": window.padding,
        "dilation": window.dilation,
        "output_padding": window.output_padding,
        "ceil_mode": window.ceil_mode,
        "formula": window.formula,
    }


def _lines(chains: list[tuple[Window, ...]]) -> list[Line]:
    from shapescope.render.line import Line

    wide = max((len(_settings(window)) for chain in chains for window in chain), default=0)
    lines: list[Line] = []
    for chain in chains:
        if len(chain) > 1:
            if lines:
                lines.append(Line())
            sizes = [chain[0].n, *(window.out for window in chain)]
            lines.append(Line(" -> ".join(map(str, sizes)), "heading"))
        lines += [
            Line(f"{_settings(window):<{max(wide + 2, 28)}}", "op").add(window.formula)
            for window in chain
        ]
    return lines


def _refused(
    n: int | None, settings: Mapping[str, int | None], kind: str, ceil_mode: bool
) -> str | None:
    """Why PyTorch refuses the window that was given, where enough of it was; else None."""
    from shapescope.arithmetic.solve import Window

    k = settings["kernel_size"]
    if n is None or k is None:
        return None
    s, p, d = settings["stride"] or 1, settings["padding"] or 0, settings["dilation"] or 1
    return Window(kind, n, 0, k, s, p, d, 0, ceil_mode).refusal()  # type: ignore[arg-type]


def _with_wide_padding(
    chains: list[tuple[Window, ...]], nearest: list[tuple[Window, ...]]
) -> list[Line]:
    from shapescope.render.line import Line

    lines = [Line("only with padding beyond half of the kernel:", "faint"), *_lines(chains)]
    return [*lines, Line("else:", "faint"), *_lines(nearest)] if nearest else lines


def _no_answer(nearest: list[tuple[Window, ...]], reason: str | None, asked: str) -> list[Line]:
    from shapescope.render.line import Line

    what = "no chain of common windows does that" if asked else "no window does that"
    lines = [Line(what + (f": {reason}" if reason else ""), "mismatch")]
    return [*lines, Line("the nearest:", "faint"), *_lines(nearest)] if nearest else lines


def _settings(window: Window) -> str:
    text = f"{window.kind} k{window.kernel_size} s{window.stride}"
    if window.padding:
        text += f" p{window.padding}"
    if window.dilation > 1:
        text += f" d{window.dilation}"
    if window.output_padding:
        text += f" output_padding {window.output_padding}"
    return text + (" ceil_mode" if window.ceil_mode else "")

"""What training says while it runs and when it is done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapescope.render.line import Line, wrapped
from shapescope.render.theme import Surface

if TYPE_CHECKING:
    from shapescope.training.one_batch import OneBatch
    from shapescope.training.report import Beginning, Progress

_BAR = 24
_HUGE = 1e6


def beginning_lines(beginning: Beginning, surface: Surface) -> list[Line]:
    """Return what is about to be trained, a line per fact."""
    recipe, optimizer = beginning.recipe, beginning.recipe["optimizer"]
    words = [f"{optimizer['name']} lr {optimizer['lr']:g}"]
    words += [
        f"{name} {optimizer[name]:g}" for name in ("momentum", "weight_decay") if optimizer[name]
    ]
    schedule = recipe["schedule"]
    if schedule["name"] != "constant":
        words.append(
            schedule["name"] + (" schedule" if schedule["active"] else " schedule, never stepped")
        )
    held = f"{beginning.validation_count:,} to choose by, " if beginning.validation_count else ""
    lines = [
        Line(beginning.title, "heading").add(
            f": {beginning.params:,} trainable parameters, recipe {recipe['name']}"
        ),
        Line(
            f"data    {beginning.data}: {beginning.train_count:,} to train on, "
            f"{held}{beginning.test_count:,} to test on"
        ),
        Line(
            f"recipe  batch size {recipe['batch_size']}, {plural(recipe['epochs'], 'epoch')}, "
            f"{', '.join(words)}, seed {recipe['seed']}"
        ),
        Line(f"engine  {beginning.engine.way} on {beginning.engine.device}").add(
            f" ({beginning.engine.chosen})", "faint"
        ),
        Line(f"run     {beginning.folder}"),
    ]
    if beginning.epochs_done:
        over = beginning.epochs_done >= beginning.epochs
        rest = ": nothing is left to train, --epochs N asks for more" if over else ""
        place = f"{beginning.epochs_done} of {beginning.epochs}"
        lines.append(Line(f"resumed after epoch {place}{rest}"))
    return lines + note_lines(beginning.notes, surface)


def note_lines(notes: Sequence[str], surface: Surface) -> list[Line]:
    """Return what a reader of the figures should know, a paragraph each."""
    return [line for note in notes for line in wrapped(note, surface.width, "note: ", "note")]


def step_line(epoch: int, step: int, loss: float) -> Line:
    """Return the line of one step, as documents 2 and 5 print them."""
    return Line(f"epoch {epoch}  step {step}  loss {figure(loss)}")


def epoch_lines(lines: Sequence[Mapping[str, Any]], surface: Surface, *, best: bool) -> list[Line]:
    """Return what is told of an epoch, in one line unless a terminal is too narrow for that.

    It has what the documents print: mean loss and accuracy, the sum of the batches' losses, and
    the number correct.

    Args:
        lines: its lines of ``metrics.jsonl``.
        surface: where it is shown.
        best: whether its weights are the best so far.
    """
    parts = [
        Line(
            f"{split['split']} loss {figure(split['loss'])} (sum {figure(split['loss_sum'], 1)}) "
            f"{split['correct']:,}/{split['count']:,} = {100 * split['top1_accuracy']:.2f} %"
        )
        for split in lines
    ]
    train = lines[0]
    speed = f"{train['seconds']:.1f} s, {train['images_per_second']:,.0f} images/s"
    parts.append(Line(speed, "faint"))
    if not all(math.isfinite(split["loss"]) for split in lines):
        parts.append(Line("the loss is no longer a number: try a lower --lr", "error"))
    elif best:
        parts.append(Line("best so far", "match"))
    heading = Line(f"epoch {train['epoch']:>2}", "heading")
    joined = Line()
    joined.parts = heading.parts + [part for one in parts for part in (("  ", ""), *one.parts)]
    if not surface.terminal or joined.width < surface.width:
        return [joined]
    for place, part in enumerate(parts):
        front = heading.parts if place == 0 else [(" " * heading.width, "")]
        part.parts = [*front, ("  ", ""), *part.parts]
    return parts


def progress_text(progress: Progress, surface: Surface) -> str:
    """Return the live line, cut to the width of the terminal."""
    share = progress.step / max(progress.steps, 1)
    full, empty = ("█", "·") if surface.unicode else ("#", ".")
    bar = full * round(share * _BAR) + empty * (_BAR - round(share * _BAR))
    text = (
        f"epoch {progress.epoch}/{progress.epochs} {bar} {progress.step}/{progress.steps}  "
        f"loss {figure(progress.loss)}  accuracy {100 * progress.top1_accuracy:.2f} %  "
        f"{progress.images_per_second:,.0f} images/s  {duration(progress.seconds_left)} left"
    )
    return text[: surface.width - 1]


def figure(value: float, digits: int = 4) -> str:
    """Return a loss or a score; of a diverged run's, which are huge, the power of ten matters."""
    return f"{value:.3e}" if abs(value) >= _HUGE else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """Return a time for people: ``45 s``, ``3 min 20 s``, ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def one_batch_lines(result: OneBatch) -> list[Line]:
    """Return what a single step did."""
    lines = [
        Line(f"one batch of {result.batch_size}, {result.optimizer} lr {result.lr:g}", "heading"),
        Line(
            f"loss before the step {figure(result.loss_before)}, "
            f"after it {figure(result.loss_after)}; "
            f"correct {result.correct_before} before, {result.correct_after} after"
        ),
        Line(),
    ]
    rows = [("parameter", "shape", "gradient before", "after backward", "length")]
    rows += [
        (row.name, shape(row.shape), _or_none(row.before), _or_none(row.after), f"{row.norm:.4g}")
        for row in result.gradients
    ]
    return lines + table(rows)


def _or_none(sizes: Sequence[int] | None) -> str:
    return "None" if sizes is None else shape(sizes)


def shape(sizes: Sequence[int]) -> str:
    """Return a shape as people write it: ``1 x 28 x 28``."""
    return " x ".join(str(size) for size in sizes)


def table(rows: Sequence[Sequence[str]], indent: int = 2) -> list[Line]:
    """Return rows in columns, the first row as heading; numbers stand right.

    Args:
        rows: cells of equal number.
        indent: spaces before each row.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(_is_number(cell) for cell in column[1:]) for column in columns]
    lines = []
    for number, row in enumerate(rows):
        line = Line(" " * indent)
        for place, (cell, width, right) in enumerate(zip(row, widths, numeric, strict=True)):
            padded = cell.rjust(width) if right else cell.ljust(width)
            last = place == len(row) - 1  # spaces at the end would wrap in a narrow terminal
            line.add(padded.rstrip() if last else f"{padded}  ", "" if number else "faint")
        lines.append(line)
    return lines


def _is_number(cell: str) -> bool:
    digits = cell.removesuffix(" %").replace(",", "").replace(".", "").replace("-", "")
    return digits.isdigit() or cell in ("", "no images")

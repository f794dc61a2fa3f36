"""What training says while it runs and when it is done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapescope.render.line import Line
from shapescope.render.theme import Surface

if TYPE_CHECKING:
    from shapescope.training.one_batch import OneBatch
    from shapescope.training.report import Beginning, Progress

_BAR = 24


def beginning_lines(beginning: Beginning) -> list[Line]:
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
    lines = [
        Line(beginning.title, "heading").add(
            f": {beginning.params:,} trainable parameters, recipe {recipe['name']}"
        ),
        Line(
            f"data    {beginning.data}: {beginning.train_count:,} to train on, "
            f"{beginning.test_count:,} to test on"
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
        lines.append(Line(f"resumed after epoch {beginning.epochs_done} of {beginning.epochs}"))
    return lines + [Line("note: ", "note").add(note) for note in beginning.notes]


def step_line(epoch: int, step: int, loss: float) -> Line:
    """Return the line of one step, as documents 2 and 5 print them."""
    return Line(f"epoch {epoch}  step {step}  loss {loss:.4f}")


def epoch_line(lines: Sequence[Mapping[str, Any]], *, best: bool) -> Line:
    """Return the line of an epoch.

    It has what the documents print: mean loss and accuracy, the sum of the batches' losses, and
    the number correct.

    Args:
        lines: its lines of ``metrics.jsonl``.
        best: whether its weights are the best so far.
    """
    line = Line(f"epoch {lines[0]['epoch']:>2}", "heading")
    for split in lines:
        line.add(
            f"  {split['split']} loss {split['loss']:.4f} (sum {split['loss_sum']:.1f}) "
            f"{split['correct']:,}/{split['count']:,} = {100 * split['top1_accuracy']:.2f} %"
        )
    train = lines[0]
    line.add(f"  {train['seconds']:.1f} s, {train['images_per_second']:,.0f} images/s", "faint")
    if not math.isfinite(train["loss"]):
        return line.add("  the loss is no longer a number: try a lower --lr", "error")
    return line.add("  best so far" if best else "", "match")


def progress_text(progress: Progress, surface: Surface) -> str:
    """Return the live line, cut to the width of the terminal."""
    share = progress.step / max(progress.steps, 1)
    full, empty = ("█", "·") if surface.unicode else ("#", ".")
    bar = full * round(share * _BAR) + empty * (_BAR - round(share * _BAR))
    text = (
        f"epoch {progress.epoch}/{progress.epochs} {bar} {progress.step}/{progress.steps}  "
        f"loss {progress.loss:.4f}  accuracy {100 * progress.top1_accuracy:.2f} %  "
        f"{progress.images_per_second:,.0f} images/s  {duration(progress.seconds_left)} left"
    )
    return text[: surface.width - 1]


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
            f"loss before the step {result.loss_before:.4f}, after it {result.loss_after:.4f}; "
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
        for cell, width, right in zip(row, widths, numeric, strict=True):
            padded = cell.rjust(width) if right else cell.ljust(width)
            line.add(padded, "" if number else "faint").add("  ")
        lines.append(line)
    return lines


def _is_number(cell: str) -> bool:
    digits = cell.removesuffix(" %").replace(",", "").replace(".", "").replace("-", "")
    return digits.isdigit() or cell in ("", "no images")

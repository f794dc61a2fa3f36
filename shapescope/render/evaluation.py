"""Figures of a network: per split, per class, confusion, worst mistakes; predictions; data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shapescope.render.line import Line, wrapped
from shapescope.render.theme import Surface
from shapescope.render.training import figure, shape, table
from shapescope.source_text import display_path

if TYPE_CHECKING:
    from shapescope.training.datasets.describe import SplitFacts
    from shapescope.training.evaluation import Evaluation
    from shapescope.training.predict import Prediction

_MOST_CLASSES = 20  # a wider confusion matrix is left to the picture


def split_line(figures: Evaluation) -> Line:
    """Return the figures of one split in a line."""
    return Line(f"{figures.split:<5}", "heading").add(
        f"  loss {figure(figures.loss)} (sum {figure(figures.loss_sum, 1)})  "
        f"{figures.correct:,} of {figures.count:,} correct = {100 * figures.top1_accuracy:.2f} %"
    )


def evaluation_lines(
    all_figures: Sequence[Evaluation], classes: Sequence[str], surface: Surface
) -> list[Line]:
    """Return everything about some splits: totals, then classes and confusion of the last one.

    Args:
        all_figures: one per split.
        classes: names by number.
        surface: where it is shown.
    """
    lines = [split_line(figures) for figures in all_figures]
    figures = all_figures[-1]
    lines += [Line(), Line(f"by class, {figures.split}", "heading")]
    rows = [("class", "images", "correct", "accuracy", "taken most often for")]
    for number, row in enumerate(figures.confusion):
        total = sum(row)
        share = f"{100 * row[number] / total:.2f} %" if total else "no images"
        wrong = max(
            ((count, other) for other, count in enumerate(row) if other != number), default=(0, 0)
        )
        taken = f"{classes[wrong[1]]} ({wrong[0]:,})" if wrong[0] else ""
        rows.append((classes[number], f"{total:,}", f"{row[number]:,}", share, taken))
    lines += table(rows)
    if len(classes) <= _MOST_CLASSES:
        lines += [Line(), *confusion_lines(figures, classes)]
    return lines


def confusion_lines(figures: Evaluation, classes: Sequence[str]) -> list[Line]:
    """Return the confusion matrix in signs: rows are actual classes, columns predicted ones."""
    lines = [
        Line(f"confusion, {figures.split}", "heading").add(
            "  (rows actual, columns predicted, numbered as the rows)", "faint"
        )
    ]
    cell = max(len(f"{count:,}") for row in figures.confusion for count in row)
    cell = max(cell, len(str(len(classes))))
    name = max(len(label) for label in classes)
    heading = Line(" " * (name + 6))
    for number in range(len(classes)):
        heading.add(f"{number:>{cell}} ", "faint")
    lines.append(heading)
    for number, row in enumerate(figures.confusion):
        line = Line(f"  {number:>2} {classes[number]:<{name}} ")
        for other, count in enumerate(row):
            style = "match" if other == number else "mismatch" if count else "faint"
            line.add(f"{count if count else '.':>{cell}} ", style)
        lines.append(line)
    return lines


def mistake_titles(figures: Evaluation, classes: Sequence[str]) -> list[str]:
    """Return a title for each mistake: its place, what it is and what it was taken for."""
    return [
        f"{mistake.number}: {classes[mistake.actual]} taken for {classes[mistake.predicted]}"
        for mistake in figures.mistakes
    ]


def mistake_lines(figures: Evaluation, classes: Sequence[str]) -> list[Line]:
    """Return the worst mistakes in a table, with the files of images that have one of their own."""
    rows: list[tuple[str, ...]] = [("image", "actual", "predicted", "sure to", "loss")]
    rows += [
        (
            str(mistake.number),
            classes[mistake.actual],
            classes[mistake.predicted],
            f"{100 * mistake.probability:.2f} %",
            figure(mistake.loss, 3),
        )
        for mistake in figures.mistakes
    ]
    if any(mistake.file for mistake in figures.mistakes):
        files = ["file", *(display_path(mistake.file) for mistake in figures.mistakes)]
        rows = [(*row, file) for row, file in zip(rows, files, strict=True)]
    return [Line(f"worst mistakes, {figures.split}", "heading"), *table(rows)]


def image_title(prediction: Prediction) -> str:
    """Return what stands above an image: its name, and its file where that says more."""
    if prediction.file in ("", prediction.name):
        return prediction.name
    return with_file(prediction.name, prediction.file)


def with_file(title: str, file: str) -> str:
    """Return a title with the file of its image, if it has one of its own."""
    return f"{title}, {display_path(file)}" if file else title


def prediction_lines(prediction: Prediction, classes: Sequence[str]) -> list[Line]:
    """Return the outputs of one image, their softmax, and the class they mean."""

    def label(number: int) -> str:
        return classes[number] if number < len(classes) else f"class {number}"

    rows = [("class", "output", "softmax", "")]
    for number, (output, share) in enumerate(
        zip(prediction.outputs, prediction.probabilities, strict=True)
    ):
        mark = "predicted" if number == prediction.predicted else ""
        if number == prediction.actual:
            mark = f"{mark}, actual" if mark else "actual"
        rows.append((label(number), figure(output).rjust(9), f"{share:.4f}", mark))
    total = sum(prediction.probabilities)
    line = Line(f"predicted {label(prediction.predicted)}")
    if prediction.actual is not None:
        right = prediction.right
        line.add(f", actual {label(prediction.actual)}: ")
        line.add("correct" if right else "wrong", "match" if right else "mismatch")
    line.add(f"  (softmax sums to {total:.4f})", "faint")
    return [*table(rows), line]


def summary_lines(predictions: Sequence[Prediction], classes: Sequence[str]) -> list[Line]:
    """Return predicted and actual classes side by side, and how many are right.

    Of images whose class is not known: the class of each, where there are several.
    """
    known = [prediction for prediction in predictions if prediction.actual is not None]
    if not known:
        return _listed(predictions, classes) if len(predictions) > 1 else []
    short = all(len(label) == 1 for label in classes)
    between = " " if short else ", "

    def words(numbers: Sequence[int]) -> str:
        return between.join(classes[number] for number in numbers)

    right = sum(bool(prediction.right) for prediction in known)
    return [
        Line("predicted  ").add(words([prediction.predicted for prediction in known])),
        Line("actual     ").add(words([prediction.actual or 0 for prediction in known])),
        Line(f"{right} of {len(known)} correct"),
    ]


def _listed(predictions: Sequence[Prediction], classes: Sequence[str]) -> list[Line]:
    rows = [("image", "predicted", "sure to")]
    rows += [
        (one.name, classes[one.predicted], f"{100 * one.probabilities[one.predicted]:.2f} %")
        for one in predictions
    ]
    return table(rows)


def facts_lines(
    title: str,
    source: str,
    classes: Sequence[str],
    splits: Sequence[SplitFacts],
    surface: Surface,
) -> list[Line]:
    """Return what a data set holds.

    Args:
        title: its name.
        source: where it was read from.
        classes: names by number.
        splits: the facts of each split.
        surface: where it is shown.
    """
    lines = [Line(title, "heading").add(f"  {source}", "faint")]
    for facts in splits:
        first = ", ".join(map(str, facts.first_targets))
        last = ", ".join(map(str, facts.last_targets))
        even = "balanced" if facts.balanced else "not balanced"
        lines += [
            Line(),
            Line(facts.name, "heading"),
            Line(f"  length        {facts.length:,}"),
            Line(
                f"  first sample  image {shape(facts.shape)}, label "
                f"{_named(facts.first_label, classes)}"
            ),
            Line(f"  targets       [{first}, ..., {last}]"),
            Line(f"  bincount      {list(facts.bincount)}: {even}"),
            Line(f"  mean, std     {_numbers(facts.mean)}, {_numbers(facts.std)} (0 to 1)"),
            Line(f"  first batch   labels {' '.join(map(str, facts.batch_labels))}"),
        ]
    numbered = [name if name == str(number) else f"{number} {name}"
                for number, name in enumerate(classes)]  # fmt: skip
    names = ", ".join(numbered)
    return [*lines, Line(), *wrapped(names, surface.width, "classes  ")]


def _named(label: int, classes: Sequence[str]) -> str:
    """A label with its class's name, where that says more than the number."""
    name = classes[label]
    return name if name == str(label) else f"{label} ({name})"


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)

"""The cells of the trace table: for each column what a row shows, at full length and shorter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shapescope.render.check_cells import check_texts
from shapescope.render.figures import Figures
from shapescope.render.line import Line
from shapescope.render.rows import Row
from shapescope.render.settings import op_text, settings_text
from shapescope.render.shapes import (
    count_text,
    printable,
    short_count,
    tensor_text,
    tensors_text,
    time_text,
)
from shapescope.trace import SourceSpan, TensorSpec


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, how its cells are made, and the shorter ways to make them.

    `makers` go from full length to the shortest; a shorter one is used where width is scarce.
    """

    name: str
    title: str
    makers: tuple[Callable[[Row, Figures], Line], ...]
    right: bool = False


def _path(row: Row, figures: Figures) -> Line:
    label = printable(row.label)
    if row.last_label:
        label = f"{label} .. {printable(_number_at_end(row.label, row.last_label))}"
    return Line("  " * row.depth).add(label, "heading" if row.heading else "path")


def _number_at_end(first: str, last: str) -> str:
    """The number that `last` ends with, if that is all in which it differs from `first`."""
    stem = last.rstrip("0123456789")
    return last[len(stem) :] if stem == first.rstrip("0123456789") else last


def _index(row: Row, figures: Figures) -> Line:
    return Line("" if row.step is None else str(row.step.index), "faint")


def _op(row: Row, figures: Figures) -> Line:
    line = _op_alone(row)
    for step in row.folded:
        line.add(f" + {step.op}", "faint")
    return _times(line, row)


def _op_counted(row: Row, figures: Figures) -> Line:
    line = _op_alone(row)
    if row.folded:
        line.add(f" +{len(row.folded)}", "faint")
    return _times(line, row)


def _op_alone(row: Row) -> Line:
    if row.round_of:
        return Line(f"round of {row.round_of} steps", "faint")
    if row.step is None:
        return Line("identity", "faint")
    if row.step.is_composite:
        return Line(printable(op_text(row.step)), "faint" if row.heading else "op")
    return Line(op_text(row.step), "op")


def _times(line: Line, row: Row) -> Line:
    return line.add(f" x {row.times}", "heading") if row.times > 1 else line


def _window(row: Row, figures: Figures) -> Line:
    return Line() if row.step is None or row.heading else Line(settings_text(row.step))


def _window_short(row: Row, figures: Figures) -> Line:
    if row.step is None or row.heading:
        return Line()
    return Line(settings_text(row.step, kernel=False))


def _output(row: Row, figures: Figures) -> Line:
    return _tensors(row, figures, tensors_text, tensor_text)


def _output_short(row: Row, figures: Figures) -> Line:
    line = _tensors(row, figures, lambda specs: _first(specs), tensor_text)
    return Line().add(line.plain.replace(" x ", "x"), line.parts[0][1] if line.parts else "")


def _first(specs: tuple[TensorSpec, ...]) -> str:
    more = f" +{len(specs) - 1}" if len(specs) > 1 else ""
    return tensor_text(specs[0]) + more if specs else ""


def _tensors(
    row: Row,
    figures: Figures,
    several: Callable[[tuple[TensorSpec, ...]], str],
    one: Callable[[TensorSpec], str],
) -> Line:
    if row.spec is not None:
        return Line(one(row.spec), "shape")
    step = row.step
    if step is None or row.heading:
        return Line()
    if step.outputs:
        return Line(several(step.outputs), "shape")
    failure = figures.result.trace.failure
    if failure is not None and failure.step is not None:
        inside = step.index <= failure.step < figures.ends[step.index]
        return Line(f"{figures.glyphs.mismatch} fails", "mismatch") if inside else Line()
    return Line()


def _input(row: Row, figures: Figures) -> Line:
    if row.step is None or row.heading:
        return Line()
    return Line(tensors_text(row.step.inputs), "shape")


def _input_short(row: Row, figures: Figures) -> Line:
    if row.step is None or row.heading:
        return Line()
    return Line(_first(row.step.inputs).replace(" x ", "x"), "shape")


def _dtype(row: Row, figures: Figures) -> Line:
    specs = (row.spec,) if row.spec is not None else row.steps[-1].outputs if row.steps else ()
    return Line("" if row.heading else ", ".join(dict.fromkeys(spec.dtype for spec in specs)))


def _params(row: Row, figures: Figures) -> Line:
    params = figures.params(row)
    return Line("" if params is None else count_text(params), "number")


def _share(row: Row, figures: Figures) -> Line:
    params, total = figures.params(row), figures.result.totals.params
    return Line("" if params is None or not total else f"{params / total:.1%}", "number")


def _trainable(row: Row, figures: Figures) -> Line:
    kinds = {param.trainable for step in figures.inside(row) for param in step.params}
    return Line(
        "" if not kinds else "partly" if len(kinds) == 2 else "yes" if True in kinds else "no"
    )


def _params_short(row: Row, figures: Figures) -> Line:
    params = figures.params(row)
    return Line("" if params is None else short_count(params), "number")


def _macs(row: Row, figures: Figures) -> Line:
    macs = figures.macs(row)
    timed = figures.result.times is not None
    marked = not timed and figures.is_expensive(macs, figures.result.totals.macs)
    return Line("" if macs is None else count_text(macs), "expensive" if marked else "number")


def _time(row: Row, figures: Figures) -> Line:
    seconds, times = figures.seconds(row), figures.result.times
    if seconds is None or times is None:
        return Line()
    marked = figures.is_expensive(seconds, sum(filter(None, times.steps)))
    return Line(time_text(seconds), "expensive" if marked else "number")


def _receptive(row: Row, figures: Figures) -> Line:
    if row.step is None or row.heading:
        return Line()
    last = figures.ends[row.step.index] - 1 if row.step.is_composite else row.step.index
    field = figures.result.receptive_fields[last]
    return (
        Line() if field is None else Line("x".join(f"{size:g}" for size in map(float, field.size)))
    )


def _call_site(row: Row, figures: Figures) -> Line:
    return Line() if row.step is None else _span(row.step.call_site)


def _defined_at(row: Row, figures: Figures) -> Line:
    return Line() if row.step is None else _span(row.step.defined_at)


def _span(span: SourceSpan | None) -> Line:
    return Line("" if span is None else printable(f"{span.file}:{span.line}"), "faint")


def _value(name: str) -> Callable[[Row, Figures], Line]:
    def cell(row: Row, figures: Figures) -> Line:
        values = figures.result.values
        stats = values[row.step.index] if values and row.step is not None else None
        return Line("" if stats is None or row.heading else f"{getattr(stats, name):.4g}")

    return cell


def _check_full(row: Row, figures: Figures) -> Line:
    return check_texts(row, figures)[0]


_COLUMNS = (
    Column("index", "#", (_index,), right=True),
    Column("path", "path", (_path,)),
    Column("op", "op", (_op, _op_counted)),
    Column("window", "settings", (_window, _window_short)),
    Column("input", "input", (_input, _input_short)),
    Column("output", "output", (_output, _output_short)),
    Column("dtype", "dtype", (_dtype,)),
    Column("params", "params", (_params, _params_short), right=True),
    Column("share", "share", (_share,), right=True),
    Column("trainable", "trainable", (_trainable,)),
    Column("macs", "MACs", (_macs,), right=True),
    Column("time", "time", (_time,), right=True),
    Column("receptive_field", "sees", (_receptive,), right=True),
    Column("min", "min", (_value("minimum"),), right=True),
    Column("max", "max", (_value("maximum"),), right=True),
    Column("mean", "mean", (_value("mean"),), right=True),
    Column("check", "check", (_check_full,)),
    Column("call_site", "called at", (_call_site,)),
    Column("defined_at", "defined at", (_defined_at,)),
)
COLUMNS: Mapping[str, Column] = {column.name: column for column in _COLUMNS}
"""Every column by name, in the order of the table."""

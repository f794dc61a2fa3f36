"""A diagnostic as text: framed with its source, in one line, or as an annotation for CI."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from shapescope.diagnostic import Diagnostic, Help, Label, Severity
from shapescope.render.edits import edited_lines
from shapescope.render.line import Line, cells, wrapped
from shapescope.render.shapes import plural, printable
from shapescope.render.theme import PIPE_WIDTH, Surface
from shapescope.source_text import enclosing_name, source_lines
from shapescope.trace import SourceSpan

THROUGH = "called through "
"""A label whose text starts so is not drawn in the source; it becomes the `= where:` line."""

TAB = 4
_NARROWEST = 50


def diagnostics_lines(
    diagnostics: Sequence[Diagnostic], surface: Surface, *, verbose: bool = False
) -> list[Line]:
    """Every diagnostic in its frame, an empty line between two, and a count of several."""
    lines: list[Line] = []
    for diagnostic in diagnostics:
        if lines:
            lines.append(Line())
        lines += diagnostic_lines(diagnostic, surface, verbose=verbose)
    if len(diagnostics) > 1:
        lines += [Line(), Line(summary_text(diagnostics), "heading")]
    return lines


def summary_text(diagnostics: Sequence[Diagnostic]) -> str:
    """How many of each severity: `2 errors, 1 note`."""
    counts = [
        (sum(found.severity is severity for found in diagnostics), str(severity))
        for severity in Severity
    ]
    return ", ".join(plural(count, name) for count, name in counts if count)


def diagnostic_lines(
    diagnostic: Diagnostic, surface: Surface, *, verbose: bool = False
) -> list[Line]:
    """One diagnostic in its frame: what, where, why, and how to mend it.

    Args:
        diagnostic: what was found.
        surface: where it goes.
        verbose: also show torch's own words, last.
    """
    drawn = [label for label in diagnostic.labels if not label.text.startswith(THROUGH)]
    through = [label for label in diagnostic.labels if label.text.startswith(THROUGH)]
    # Where the message shows the edited code itself, the line would only say it again.
    helps = [
        (entry, [] if entry.inline else edited_lines(entry.edits)) for entry in diagnostic.help[:2]
    ]
    numbers = [label.span.line for label in drawn]
    numbers += [edit.line for _, edits in helps for edit in edits]
    gutter = len(str(max(numbers, default=0)))

    severity = str(diagnostic.severity)
    head = f"{severity}[{diagnostic.rule}]"
    lines = _headed(head, severity, diagnostic.message, surface)
    lines += _source(drawn, gutter, _label_room(surface))
    facts: list[tuple[str, tuple[str, ...]]] = [
        ("where", (f"{label.text}, {place_text(label.span)}",)) for label in through
    ]
    if diagnostic.why:
        facts.append(("why", diagnostic.why))
    facts += [("note", tuple(note.splitlines() or [""])) for note in diagnostic.notes]
    if drawn and facts:
        lines.append(_bar(gutter))
    for name, texts in facts:
        lines += _fact(name, texts, gutter, surface.width)
    for number, (entry, edits) in enumerate(helps):
        lines += _wrapped_help(entry, number, surface.width)
        for edit in edits:
            sign = f"{edit.line:>{gutter}} {edit.sign} "
            lines.append(Line(sign, "gutter").add(_expanded(edit.text), "added"))
    if verbose and diagnostic.detail:
        lines += _fact("torch says", tuple(diagnostic.detail.splitlines()), gutter, surface.width)
    return lines


def _headed(
    head: str, style: str, message: str, surface: Surface, message_style: str = "heading"
) -> list[Line]:
    """`head: message`; in a terminal in as many lines as its width asks for."""
    text = f"{head}: {printable(message)}"
    fits = not surface.terminal or cells(text) <= surface.width
    first, *rest = [text] if fits else _parts(text, max(surface.width, _NARROWEST) - 4)
    told = Line(head, style).add(first.removeprefix(head), message_style)
    return [told, *(Line(f"    {part}", message_style) for part in rest)]


def _parts(text: str, width: int) -> list[str]:
    return [line.plain for line in wrapped(text, width)]


def one_line(diagnostic: Diagnostic, model: str = "") -> str:
    """The diagnostic as `file:line:col: error[rule] what`; the model where no source is known."""
    label = diagnostic.primary
    place = place_text(label.span) if label is not None else printable(model)
    what = f"{diagnostic.severity}[{diagnostic.rule}] {printable(diagnostic.message)}"
    return f"{place}: {what}" if place else what


def place_text(span: SourceSpan) -> str:
    """A place as `file:line:column`."""
    return printable(f"{span.file}:{span.line}:{span.column}")


def _source(labels: Sequence[Label], gutter: int, width: int) -> list[Line]:
    """The labelled lines, those of one function in one block, the primary one's first."""
    blocks: dict[tuple[str, str | None], list[Label]] = {}
    for label in sorted(labels, key=lambda label: not label.primary):
        where = (label.span.file, enclosing_name(label.span.file, label.span.line))
        blocks.setdefault(where, []).append(label)
    lines: list[Line] = []
    for number, ((_, name), block) in enumerate(blocks.items()):
        arrow = "-->" if number == 0 else ":::"
        head = Line(" " * gutter + arrow, "gutter").add(f" {place_text(block[0].span)}")
        lines.append(head.add(f" in {printable(name)}" if name else ""))
        lines.append(_bar(gutter))
        lines += _block(block, gutter, width)
    return lines


def _block(labels: Sequence[Label], gutter: int, width: int) -> list[Line]:
    lines: list[Line] = []
    shown = 0
    text = source_lines(labels[0].span.file)
    for label in sorted(labels, key=lambda label: (label.span.line, not label.primary)):
        line = label.span.line
        source = text[line - 1] if 0 < line <= len(text) else None
        if source is None:
            lines.append(_bar(gutter).add(f" line {line}: {printable(label.text)}"))
            continue
        if line != shown:
            number = Line(f"{line:>{gutter}} |", "gutter")
            lines.append(number.add(f" {_expanded(source)}" if source.strip() else ""))
            shown = line
        lines += _underline(label, source, gutter, width)
    return lines


def _label_room(surface: Surface) -> int:
    """How wide a labelled line may be: in a pipe of no known width its text stays behind it."""
    narrow = surface.terminal or surface.width < PIPE_WIDTH
    return max(surface.width, _NARROWEST) if narrow else sys.maxsize


def _underline(label: Label, source: str, gutter: int, width: int) -> list[Line]:
    """The mark below a line of source and its text: behind it, or below where that is too wide."""
    span = label.span
    start = min(span.column - 1, len(source))
    # A span over several lines is underlined to the end of its first.
    end = span.end_column - 1 if span.end_line == span.line else len(source.rstrip())
    before = cells(_expanded(source[:start]))
    marked = max(cells(_expanded(source[:end])) - before, 1)
    style = "primary" if label.primary else "secondary"
    mark = _bar(gutter).add(" " * (before + 1)).add(("^" if label.primary else "-") * marked, style)
    text = printable(label.text)
    if not text or mark.width + 1 + cells(text) <= width:
        return [mark.add(f" {text}" if text else "", style)]
    room = width - gutter - 3
    indent = " " * max(min(before, room - cells(text)), 0)
    parts = wrapped(text, room - len(indent))
    return [mark, *(_bar(gutter).add(f" {indent}").add(part.plain, style) for part in parts)]


def _bar(gutter: int) -> Line:
    return Line(" " * (gutter + 1) + "|", "gutter")


def _expanded(source: str) -> str:
    return printable(source.expandtabs(TAB))


def _fact(name: str, texts: Iterable[str], gutter: int, width: int) -> list[Line]:
    """A `= name:` line; further lines, and what does not fit, stand below the first one's text."""
    lines = []
    indent = " " * (gutter + 1)
    room = max(width - len(indent) - len(name) - 4, _NARROWEST)
    for number, text in enumerate(texts):
        for place, part in enumerate(wrapped(printable(text), room) or [Line()]):
            if number == place == 0:
                line = Line(indent + "= ", "gutter").add(f"{name}:", "heading")
            else:
                line = Line(indent + " " * (len(name) + 3))
            lines.append(line.add(f" {part.plain}" if part.plain else ""))
    return lines


def _help(entry: Help, number: int) -> Line:
    message = printable(entry.message)
    if number and not message.startswith("or "):
        message = "or " + message
    return Line("help", "help").add(f": {_with_standing(entry, message)}")


def _wrapped_help(entry: Help, number: int, width: int) -> list[Line]:
    """The help, what does not fit standing below its first word."""
    first, *more = wrapped(_help(entry, number).plain, max(width, _NARROWEST)) or [Line()]
    name, _, text = first.plain.partition(":")
    lines = [Line(name, "help").add(f":{text}")]
    return lines + [Line("      " + part.plain) for part in more]


def _with_standing(entry: Help, message: str) -> str:
    """The message and what is known of the help, in the parenthesis it may already end with."""
    words = []
    if entry.changes_parameters and "shape of" not in message and "parameter" not in message:
        words.append("changes the shape of a weight")
    if entry.verified and "verified" not in message:
        words.append("verified")
    if not words:
        return message
    if message.endswith(")") and _ends_in_remark(message):
        return f"{message[:-1]}; {'; '.join(words)})"
    return f"{message}  ({'; '.join(words)})"


def _ends_in_remark(message: str) -> bool:
    """Whether the last parenthesis stands apart, so that it is a remark and no call."""
    depth = 0
    for place in range(len(message) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(message[place], 0)
        if depth == 0:
            return place > 0 and message[place - 1] == " "
    return False


def help_text(entry: Help, number: int = 0) -> str:
    """The help as one line of plain text."""
    return _help(entry, number).plain


def request_lines(diagnostic: Diagnostic, surface: Surface) -> list[Line]:
    """A wrong request: what is wrong, and what to do; with source where it has any."""
    if diagnostic.labels or diagnostic.why or diagnostic.rule != "request":
        return diagnostic_lines(diagnostic, surface)
    lines = _headed("error", "error", diagnostic.message, surface)
    for entry in diagnostic.help:
        lines += _headed("help", "help", entry.message, surface, "")
    return lines

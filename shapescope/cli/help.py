"""The text of `--help`: plain, grouped, with examples, made without anything heavy."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

from shapescope.cli.catalog import COMMANDS

_EXAMPLES = """\
shapescope trace lenet5
shapescope trace net.py:Net --input 1,3,32,32
shapescope params network
shapescope check net.py
"""

_INDENT = "  "


def group_help(group: Any, ctx: Any) -> str:
    """The overview: the commands by section, the options, a few examples."""
    blocks = [
        f"{bold('Usage:')} {ctx.command_path} COMMAND [MODEL] [OPTIONS]",
        *_paragraphs(group.help or ""),
    ]
    width = max(len(entry.name) for entry in COMMANDS)
    for section in dict.fromkeys(entry.section for entry in COMMANDS):
        rows = [(entry.name, entry.summary) for entry in COMMANDS if entry.section == section]
        blocks.append(_section(section, rows, width))
    blocks.append(
        "MODEL is a network (lenet5), file.py:Class, file.py:Class(10, width=2),\n"
        "torchvision:NAME, timm:NAME, hf:NAME or package.module:factory."
    )
    blocks.append(_examples(_EXAMPLES))
    blocks.append(_section("Options", _options(group, ctx)))
    blocks.append(faint(f"{ctx.command_path} COMMAND --help tells more, with examples."))
    return "\n\n".join(block for block in blocks if block)


def command_help(command: Any, ctx: Any) -> str:
    """The help of one command: its text, its arguments and options, its examples.

    The part of the docstring behind a line `Examples:` is printed as it stands.
    """
    text, _, examples = textwrap.dedent(command.help or "").partition("Examples:\n")
    arguments = [record for param in command.params if (record := _argument(param))]
    names = " ".join(name for name, _ in arguments)
    blocks = [f"{bold('Usage:')} {ctx.command_path} {names} [OPTIONS]".replace("  ", " ")]
    blocks += _paragraphs(text)
    blocks.append(_section("Arguments", arguments))
    blocks.append(_section("Options", _options(command, ctx)))
    if examples.strip():
        blocks.append(_examples(textwrap.dedent(examples)))
    return "\n\n".join(block for block in blocks if block)


def _paragraphs(text: str) -> list[str]:
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return [textwrap.fill(part, _width(), break_on_hyphens=False) for part in parts if part]


def _examples(text: str) -> str:
    lines = [f"{_INDENT}{faint('$')} {line.strip()}" for line in text.splitlines() if line.strip()]
    return "\n".join([bold("Examples:"), *lines])


def _argument(param: Any) -> tuple[str, str] | None:
    if param.param_type_name != "argument":
        return None
    name = param.metavar or str(param.name).upper()
    return (name if param.required else f"[{name}]"), str(param.help or "")


def _options(command: Any, ctx: Any) -> list[tuple[str, str]]:
    records = []
    for param in command.get_params(ctx):
        if param.param_type_name == "option" and not param.hidden:
            record = param.get_help_record(ctx)
            if record is not None:
                records.append((str(record[0]), str(record[1])))
    return records


def _section(title: str, rows: Iterable[tuple[str, str]], least: int = 0) -> str:
    rows = list(rows)
    if not rows:
        return ""
    column = max(least, *(len(name) for name, _ in rows if len(name) <= 28), 0)
    lines = [bold(f"{title}:")]
    for name, text in rows:
        lead = f"{_INDENT}{name:<{column}}  "
        room = max(_width() - len(_INDENT) - column - 2, 24)
        body = textwrap.wrap(text, room, break_on_hyphens=False, break_long_words=False) or [""]
        if len(name) > column:
            lines.append(f"{_INDENT}{name}")
            lead = " " * (len(_INDENT) + column + 2)
        lines.append((lead + body[0]).rstrip())
        lines += [" " * (len(_INDENT) + column + 2) + more for more in body[1:]]
    return "\n".join(lines)


def _width() -> int:
    asked = os.environ.get("COLUMNS", "")
    columns = int(asked) if asked.isdigit() else shutil.get_terminal_size((100, 24)).columns
    return max(40, min(columns, 100))


def _has_colour() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def bold(text: str) -> str:
    """The text in bold where the terminal has it."""
    return f"\033[1m{text}\033[0m" if _has_colour() else text


def faint(text: str) -> str:
    """The text dimmed where the terminal can."""
    return f"\033[2m{text}\033[0m" if _has_colour() else text

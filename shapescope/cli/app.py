"""The program `shapescope`: which commands there are, and how each run of it ends.

Commands are loaded when they are used, so that `--help` and completion stay quick. A command is a
module with `register(app)`, and a line in `COMMANDS`.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup

from shapescope import __version__
from shapescope.cli.catalog import COMMANDS
from shapescope.cli.coercion import lightly
from shapescope.cli.patience import said_of_long_files
from shapescope.cli.pipe import leave_pipe

_USAGE_ERROR: type[Exception] = next(
    cast("Any", base) for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a stream says that takes no more."""


class Command(TyperCommand):
    """A command whose help stays plain and quick, and whose `--symbolic` may stand alone."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of this command."""
        from shapescope.cli.help import command_help

        formatter.write(command_help(self, ctx))

    def get_params(self, ctx: Any) -> Any:
        """The parameters, which take plain values as they are."""
        return lightly(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, once options that may stand without their value have one."""
        from shapescope.cli.options import with_optional_values

        try:
            return super().parse_args(ctx, with_optional_values(args))
        except _USAGE_ERROR as error:
            if getattr(error, "ctx", None) is None:  # an option without its value
                cast("Any", error).ctx = ctx
            raise


class Program(TyperGroup):
    """The group of all commands, each loaded when it is asked for."""

    def get_params(self, ctx: Any) -> Any:
        """The parameters, which take plain values as they are."""
        return lightly(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, loaded now; None if there is none."""
        if cmd_name not in self.commands:
            entry = next((entry for entry in COMMANDS if entry.name == cmd_name), None)
            if entry is None:
                return None
            self.commands.update(_load(entry.module))
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or say which one is close to what was typed."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from shapescope.diagnostic import ShapescopeError, did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise ShapescopeError(
                f"there is no command `{args[0]}`{hint}", advice=("shapescope --help",)
            )
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the overview of all commands."""
        from shapescope.cli.help import group_help

        formatter.write(group_help(self, ctx))


def _load(module: str) -> dict[str, Any]:
    """The commands that a module registers, by name."""
    part = typer.Typer(rich_markup_mode=None, add_completion=False)
    part.callback()(lambda: None)
    import_module(module).register(part)
    for info in part.registered_commands:
        info.cls = Command
    return dict(cast("Any", typer.main.get_command(part)).commands)


app = typer.Typer(
    name="shapescope",
    cls=Program,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(value: bool) -> None:
    if value:
        print(f"shapescope {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def program(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks (as SHAPESCOPE_DEBUG=1 does).")
    ] = False,
) -> None:
    """See every step a tensor takes through a PyTorch model, proved against the arithmetic."""
    if debug:
        os.environ["SHAPESCOPE_DEBUG"] = "1"
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit: 0 fine, 1 the model has a problem, 2 the request was wrong."""
    code = run(sys.argv[1:] if args is None else args)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        leave_pipe()
    except OSError as error:
        code = _report(error)
    sys.exit(code)


def run(args: Sequence[str]) -> int:
    """Run the program with these arguments; the exit code comes back."""
    command = typer.main.get_command(app)
    try:
        with said_of_long_files():
            code = command.main(args=list(args), prog_name="shapescope", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        leave_pipe()
        return 0
    except SystemExit as stop:  # how the parser ends where a pipe is closed
        if isinstance(stop.__context__, OSError) and stop.__context__.errno == errno.EPIPE:
            leave_pipe()
            return 0
        raise
    except Exception as error:  # whatever it is, the user gets one clear line
        if os.environ.get("SHAPESCOPE_DEBUG", "0") not in ("", "0"):
            raise
        return _report(error)
    return code if isinstance(code, int) else 0


def _report(error: Exception) -> int:
    """Print what is wrong: with the model on stdout, with the request on stderr."""
    # Only now: what makes and draws diagnostics would double the time that --help takes.
    from shapescope.cli.output import show_error
    from shapescope.diagnostic import ShapescopeError

    if isinstance(error, _USAGE_ERROR):
        error = _usage(error)
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
        from shapescope.cli.output import unwritten

        error = unwritten(error)
    if not isinstance(error, ShapescopeError):
        error = ShapescopeError(
            f"shapescope itself failed: {type(error).__name__}: {error}",
            advice=("SHAPESCOPE_DEBUG=1 shows where; please report it",),
        )
    show_error(error)
    return error.exit_code


def _usage(error: Any) -> Exception:
    """What the parser of options did not like, in our words."""
    from shapescope.diagnostic import ShapescopeError

    message = str(error.format_message()).strip().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "shapescope"
    advice = [f"{path} --help"]
    extra = re.search(r"unexpected extra argument\S* \([0-9 ]+\)$", message)
    takes = (
        [] if context is None else [option for it in context.command.params for option in it.opts]
    )
    if extra is not None and "--input" in takes:
        advice.insert(0, "sizes are written with commas: --input 1,3,32,32")
    return ShapescopeError(message[:1].lower() + message[1:], advice=tuple(advice))

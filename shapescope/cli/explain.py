"""`shapescope explain`: the page of a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shapescope.cli.options import Output
from shapescope.diagnostic import ShapescopeError, did_you_mean


def complete_rule(incomplete: str) -> list[str]:
    """Rules that have a page."""
    return [name for name in rule_names() if name.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add `explain`."""
    app.command("explain")(explain)


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            show_default=False,
            autocompletion=complete_rule,
            help="The name in brackets: error[linear-in-features]. Without it, all are listed.",
        ),
    ] = "",
    output: Output = None,
) -> int:
    """Explain a rule: what it means, a model that breaks it, and the model mended.

    Examples:
    shapescope explain
    shapescope explain linear-in-features
    """
    from shapescope.cli.output import emit, show, stdout_surface
    from shapescope.render.line import Line, beside
    from shapescope.render.pages import first_sentence, page_text

    known = rule_names()
    if not rule:
        width = max(map(len, known), default=0)
        lines = [] if known else [Line("no rule has a page")]
        for name in known:
            front = Line(f"{name:{width}}  ")
            lines += beside(front, first_sentence(_read(name)), stdout_surface(output))
        show(lines, output)
        return 0
    name = rule.strip().removeprefix("error").removeprefix("warning").strip("[]`: ")
    if name not in known:
        partly = [rule for rule in known if name and name in rule]
        hint = f"; did you mean `{partly[0]}`?" if partly else did_you_mean(name, known)
        raise ShapescopeError(f"no rule is called `{name}`{hint}", advice=("shapescope explain",))
    emit(page_text(_read(name)), output)
    return 0


def _read(name: str) -> str:
    return page(name).read_text(encoding="utf-8")


def rules_folder() -> Path:
    """Where the pages lie: in the package once it is built, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "docs" / "rules"
    return inside if inside.is_dir() else package.parent / "docs" / "rules"


def page(rule: str) -> Path:
    """The file of a rule's page."""
    return rules_folder() / f"{rule}.md"


def rule_names() -> list[str]:
    """The rules that have a page, in order."""
    return sorted(file.stem for file in rules_folder().glob("*.md") if file.stem != "index")

"""What the zoos have in common: arguments behind a name, and why a request is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shapescope.capture.loading.spec import ModelSpec
from shapescope.diagnostic import ShapescopeError


def missing_extra(package: str, extra: str) -> ShapescopeError:
    """The refusal of a request that needs a package which is not installed."""
    return ShapescopeError(
        f"{package} is not installed; pip install 'shapescope[{extra}]' or pip install {package}"
    )


def no_such_name(parsed: ModelSpec, names: Sequence[str]) -> ShapescopeError:
    """The refusal of a name that a zoo does not have."""
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(parsed.place.lower(), by_lower, 1, cutoff=0.5)
    advice = "`shapescope models` lists them"
    if close:
        advice = f"did you mean {parsed.kind}:{by_lower[close[0]]}?"
    return ShapescopeError(f"{parsed.kind} has no model called `{parsed.place}`; {advice}")


def literal_arguments(parsed: ModelSpec) -> dict[str, Any]:
    """The keyword arguments behind a zoo's name.

    Raises:
        ShapescopeError: some are positional or no literals.
    """

    def refuse(name: str) -> Any:
        raise ShapescopeError(f"{parsed.text}: `{name}` is not defined here; write a literal")

    args, kwargs = parsed.arguments.values(refuse)
    if args:
        raise ShapescopeError(
            f"{parsed.text}: write arguments by name: {parsed.kind}:{parsed.place}(NAME=VALUE)"
        )
    return kwargs

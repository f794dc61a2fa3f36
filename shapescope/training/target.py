"""Whether what a user names can be a trained network, told before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from shapescope.diagnostic import ShapescopeError
from shapescope.networks.registry import find

__all__ = ["require_trained"]


def require_trained(target: str) -> None:
    """Make sure that a run's folder or a checkpoint file is there.

    Raises:
        ShapescopeError: there is none of this name.
    """
    if Path(target).exists():
        return
    if find(target) is not None:
        raise ShapescopeError(
            f"{target} is a network, not a run: name the folder of a run, or a checkpoint file",
            advice=(f"shapescope train {target} --sample", f"or add --untrained to {target}"),
        )
    raise ShapescopeError(f"there is no run folder or checkpoint file {target}")

"""Whether torchvision has a model of some name, told from its source: nothing is imported."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

__all__ = ["zoo_with"]

_REGISTERED = re.compile(
    r"^@register_model\((?:name=\"(?P<name>\w+)\")?\)\n[\s\S]*?^def (?P<function>\w+)\(",
    re.MULTILINE,
)


def zoo_with(name: str) -> str | None:
    """The spec of the torchvision model that `resnet18` or `torchvision.models.ResNet18` means."""
    name = name.rpartition(".")[2].lower()
    found = find_spec("torchvision")
    if found is None or found.origin is None or not name.isidentifier():
        return None
    for file in Path(found.origin).parent.glob("models/**/*.py"):
        text = file.read_text(encoding="utf-8", errors="ignore")
        if name in text and name in registered_in(text):
            return f"torchvision:{name}"
    return None


def registered_in(text: str) -> set[str]:
    """The names under which a file of torchvision's registers models."""
    return {match["name"] or match["function"] for match in _REGISTERED.finditer(text)}

"""The names of torchvision's models, told from its source: to import it takes seconds."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

__all__ = ["torchvision_names", "zoo_with"]

_REGISTERED = re.compile(
    r"^@register_model\((?:name=\"(?P<name>\w+)\")?\)\n[\s\S]*?^def (?P<function>\w+)\(",
    re.MULTILINE,
)


def torchvision_names() -> list[str]:
    """Every model that torchvision registers; none where it is not installed."""
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        return []
    names: list[str] = []
    for file in Path(found.origin).parent.glob("models/**/*.py"):
        text = file.read_text(encoding="utf-8", errors="ignore")
        names += [match["name"] or match["function"] for match in _REGISTERED.finditer(text)]
    return sorted(names)


def zoo_with(name: str) -> str | None:
    """The spec of the torchvision model that `resnet18` or `torchvision.models.ResNet18` means."""
    name = name.rpartition(".")[2].lower()
    return f"torchvision:{name}" if name in torchvision_names() else None

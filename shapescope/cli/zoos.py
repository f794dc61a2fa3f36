"""The names of models in other packages, read without importing torch where that is possible."""

from __future__ import annotations

from importlib.util import find_spec

from shapescope.capture.loading.zoo_names import torchvision_names


def names_in(place: str) -> list[str] | None:
    """Every name in `torchvision`, `timm` or `hf`, its prefix in front; None if not installed."""
    if place == "torchvision":
        return [f"torchvision:{name}" for name in torchvision_names()] or None
    if place == "timm":
        return _timm()
    return _transformers()


def _timm() -> list[str] | None:
    if find_spec("timm") is None:
        return None
    import timm

    return [f"timm:{name}" for name in timm.list_models()]


def _transformers() -> list[str] | None:
    if find_spec("transformers") is None:
        return None
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    classes: set[str] = set()
    for name in MODEL_MAPPING_NAMES.values():
        classes.update([name] if isinstance(name, str) else name)
    return [f"hf:{name}" for name in (*sorted(CONFIG_MAPPING_NAMES), *sorted(classes))]

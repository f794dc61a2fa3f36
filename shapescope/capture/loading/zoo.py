"""Models that packages offer by name: torchvision, timm and transformers, without weights."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loading.late_compiler import late_compiler
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.loading.spec import ModelSpec
from shapescope.capture.loading.zoo_request import literal_arguments, missing_extra, no_such_name
from shapescope.diagnostic import ShapescopeError

__all__ = ["load_from_zoo"]

_FLYING_CHAIRS = (1, 3, 384, 512)
"""The frames that optical flow models are trained on first."""
_SEGMENTATION_SIZE = 520
_DETECTION_SIZES = (("ssd300", 300), ("ssdlite320", 320), ("_320_", 320), ("", 800))
_CLIP_FRAMES = 16


def load_from_zoo(parsed: ModelSpec) -> LoadedModel:
    """The model of `torchvision:NAME`, `timm:NAME` or `hf:NAME`.

    Raises:
        ShapescopeError: the package is not installed, or has no such model.
    """
    if parsed.kind == "torchvision":
        return _torchvision(parsed)
    if parsed.kind == "timm":
        return _timm(parsed)
    from shapescope.capture.loading.hf import load_from_transformers

    return load_from_transformers(parsed)


def _package(module: str, package: str) -> ModuleType:
    try:
        with late_compiler():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == package:
            raise missing_extra(package, package) from None
        raise


def _named(
    parsed: ModelSpec, make: Callable[[], Any], inputs: tuple[InputSpec, ...], class_name: str
) -> LoadedModel:
    return LoadedModel(
        spec=parsed.text, name=parsed.text, class_name=class_name, make=make, default_inputs=inputs
    )


def _torchvision(parsed: ModelSpec) -> LoadedModel:
    models = _package("torchvision.models", "torchvision")
    name = parsed.place.lower()
    names = models.list_models()
    if name not in names:
        raise no_such_name(parsed, names)
    builder = models.get_model_builder(name)
    kwargs = literal_arguments(parsed)
    fixed: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(builder).parameters:
        fixed["weights_backbone"] = None
    if "googlenet" in name or "inception" in name:
        # Left unsaid, it warns about a default that may change; on meta nothing is initialised.
        fixed["init_weights"] = True
    if kwargs.get("weights") is not None or kwargs.get("weights_backbone") is not None:
        raise ShapescopeError(
            f"{parsed.text}: models are built without weights; leave `weights` away"
        )
    make = functools.partial(_call, builder, {**fixed, **kwargs})
    return _named(parsed, make, _torchvision_inputs(models, name, kwargs), name)


def _call(builder: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
    return builder(**copy.deepcopy(kwargs))


def _torchvision_inputs(
    models: ModuleType, name: str, kwargs: dict[str, Any]
) -> tuple[InputSpec, ...]:
    """The natural input of a torchvision model: what its weights were evaluated on."""
    weights = next(iter(models.get_model_weights(name)), None)
    transforms = None if weights is None else weights.transforms
    task = getattr(getattr(transforms, "func", transforms), "__name__", "ImageClassification")
    crop = getattr(transforms, "keywords", {}).get("crop_size", 224)
    if task == "ObjectDetection":
        size = next(size for part, size in _DETECTION_SIZES if part in name)
        return (InputSpec((3, size, size), listed=True),)
    if task == "OpticalFlow":
        return (InputSpec(_FLYING_CHAIRS), InputSpec(_FLYING_CHAIRS))
    if task == "SemanticSegmentation":
        return (InputSpec((1, 3, _SEGMENTATION_SIZE, _SEGMENTATION_SIZE)),)
    if task == "VideoClassification":
        height, width = crop
        return (InputSpec((1, 3, _CLIP_FRAMES, height, width)),)
    if name.startswith("vit_"):
        # Its position table has the size it is built for, not the one of its largest weights.
        crop = kwargs.get("image_size", 224)
    return (InputSpec((1, 3, crop, crop)),)


def _timm(parsed: ModelSpec) -> LoadedModel:
    timm = _package("timm", "timm")
    kwargs = literal_arguments(parsed)
    if not timm.is_model(parsed.place):
        raise no_such_name(parsed, timm.list_models())
    if kwargs.pop("pretrained", False):
        raise ShapescopeError(
            f"{parsed.text}: models are built without weights; leave `pretrained` away"
        )
    config = timm.models.get_pretrained_cfg(parsed.place)
    shape = tuple(getattr(config, "input_size", None) or (3, 224, 224))
    size = kwargs.get("img_size", shape[1:])
    height, width = size if isinstance(size, tuple | list) else (size, size)
    make = functools.partial(timm.create_model, parsed.place, pretrained=False, **kwargs)
    inputs = (InputSpec((1, kwargs.get("in_chans", shape[0]), height, width)),)
    return _named(parsed, make, inputs, parsed.place)

"""Architectures of transformers, built from a configuration: no weights and no network."""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from shapescope.capture.loading.hf_inputs import inputs_of
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.loading.spec import ModelSpec
from shapescope.capture.loading.zoo_request import literal_arguments, missing_extra, no_such_name
from shapescope.diagnostic import ShapescopeError

__all__ = ["load_from_transformers"]

# The head to take for a configuration that has no plain model, the most telling first.
_AUTO_CLASSES = (
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoModelForSeq2SeqLM",
    "AutoModelForImageTextToText",
    "AutoModelForImageClassification",
    "AutoModelForObjectDetection",
    "AutoModelForSemanticSegmentation",
    "AutoModelForDepthEstimation",
    "AutoModelForKeypointDetection",
    "AutoBackbone",
)


def load_from_transformers(parsed: ModelSpec) -> LoadedModel:
    """The model of `hf:CLASS`, `hf:CONFIG-CLASS`, `hf:MODEL-TYPE` or `hf:path/to/config.json`.

    Arguments are values of the configuration: `hf:LlamaForCausalLM(num_hidden_layers=2)`.

    Raises:
        ShapescopeError: transformers is not installed, has no such architecture, or the
            configuration has no such value.
    """
    transformers = _transformers()
    kwargs = literal_arguments(parsed)
    cls, config = _class_and_config(transformers, parsed)
    for name, value in kwargs.items():
        if not hasattr(config, name):
            raise _no_such_value(parsed, config, name)
        setattr(config, name, value)
    if kwargs and not _is_path(parsed.place):
        # The constructor derives other values from the ones given.
        config = _made(parsed, lambda: type(config)(**kwargs))
    if getattr(config, "use_pretrained_backbone", False):
        config.use_pretrained_backbone = False  # It would download weights.
    return LoadedModel(
        spec=parsed.text,
        name=parsed.text,
        class_name=cls.__name__,
        make=lambda: cls(copy.deepcopy(config)),
        default_inputs=inputs_of(cls, config),
    )


def _transformer_names() -> list[str]:
    """Every model type, then every class that holds a model."""
    transformers = _transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    ends = ("Model", "LM", "Classification", "Generation", "Detection", "Segmentation", "Answering")
    return [*CONFIG_MAPPING_NAMES, *(name for name in dir(transformers) if name.endswith(ends))]


def _transformers() -> ModuleType:
    # Read by the hub's client when it is imported: nothing here may wait for a network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers
    except ModuleNotFoundError as error:
        if error.name == "transformers":
            raise missing_extra("transformers", "hf") from None
        raise
    module: ModuleType = transformers
    return module


def _is_a(value: object, base: type[Any]) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _is_path(place: str) -> bool:
    return place.endswith(".json") or (
        Path(place).is_dir() and Path(place, "config.json").is_file()
    )


def _class_and_config(transformers: ModuleType, parsed: ModelSpec) -> tuple[type[Any], Any]:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    place = parsed.place
    if _is_path(place):
        return _from_file(transformers, parsed)
    if place.lower() in CONFIG_MAPPING_NAMES:
        config = _made(parsed, lambda: transformers.AutoConfig.for_model(place.lower()))
        return _class_for(transformers, parsed, config), config
    named: Any = getattr(transformers, place, None) if place.isidentifier() else None
    if _is_a(named, transformers.PreTrainedModel):
        if named.config_class is None:
            raise ShapescopeError(f"{parsed.text}: `{place}` is abstract; name an architecture")
        return named, _made(parsed, named.config_class)
    if _is_a(named, transformers.PreTrainedConfig):
        config = _made(parsed, named)
        return _class_for(transformers, parsed, config), config
    if "/" in place:
        raise ShapescopeError(
            f"{parsed.text}: a model of the hub would have to be downloaded; name its "
            "architecture, as in hf:BertModel, or its saved configuration: hf:folder/config.json"
        )
    family = place.lower().partition("-")[0]
    if "-" in place and family in CONFIG_MAPPING_NAMES:
        raise ShapescopeError(
            f"{parsed.text}: weights of the hub are not downloaded; its architecture is hf:{family}"
        )
    raise no_such_name(parsed, _transformer_names())


def _made(parsed: ModelSpec, make: Callable[[], Any]) -> Any:
    """A configuration; what makes it refuses values in ways of its own."""
    try:
        return make()
    except Exception as error:
        raise ShapescopeError(
            f"{parsed.text}: this configuration cannot be made: {one_line(error)}"
        ) from error


def _from_file(transformers: ModuleType, parsed: ModelSpec) -> tuple[type[Any], Any]:
    if not Path(parsed.place).exists():
        raise ShapescopeError(f"{parsed.place} does not exist; check the path")
    try:
        config = transformers.AutoConfig.from_pretrained(parsed.place, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ShapescopeError(f"{parsed.place} is no configuration of a model: {text}") from None
    for name in config.architectures or ():
        cls = getattr(transformers, name, None)
        if isinstance(cls, type):
            return cls, config
    return _class_for(transformers, parsed, config), config


def _class_for(transformers: ModuleType, parsed: ModelSpec, config: Any) -> type[Any]:
    cls: type[Any]
    for name in _AUTO_CLASSES:
        mapping = getattr(transformers, name)._model_mapping
        if type(config) in mapping:
            found = mapping[type(config)]
            cls = found[0] if isinstance(found, tuple) else found
            return cls
    # A part of a larger model: its class lies beside its configuration.
    modeling = type(config).__module__.replace(".configuration_", ".modeling_")
    try:
        beside: dict[str, Any] = vars(importlib.import_module(modeling))
    except ImportError:
        beside = {}
    for name, value in beside.items():
        if name.endswith("PreTrainedModel") or not _is_a(value, transformers.PreTrainedModel):
            continue
        if value.config_class is type(config):
            cls = value
            return cls
    raise ShapescopeError(
        f"{parsed.text}: transformers has no model for {type(config).__name__} alone; "
        "name a class of models"
    )


def _no_such_value(parsed: ModelSpec, config: Any, name: str) -> ShapescopeError:
    from difflib import get_close_matches

    known = [key for key in config.to_dict() if not key.startswith("_")]
    close = get_close_matches(name, known, 1)
    advice = f"; did you mean {close[0]}?" if close else f"; it has {', '.join(known[:8])}, ..."
    return ShapescopeError(f"{parsed.text}: {type(config).__name__} has no `{name}`{advice}")

"""Architectures of transformers, built from a configuration: no weights and no network."""

from __future__ import annotations

import copy
import importlib
import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loading.import_errors import one_line
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.loading.spec import ModelSpec
from shapescope.capture.loading.zoo_request import literal_arguments, missing_extra, no_such_name
from shapescope.diagnostic import ShapescopeError

__all__ = ["load_from_transformers"]

_TOKENS = 16
"""Length of the text that stands for one; any length up to the model's own would do."""
_SECOND_OF_AUDIO = 16_000

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
        default_inputs=_inputs(cls, config),
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


def _inputs(cls: type[Any], config: Any) -> tuple[InputSpec, ...]:
    """One small input of the kind the architecture takes; () where that is not known."""
    takes = inspect.signature(cls.forward).parameters
    main = getattr(cls, "main_input_name", "input_ids")
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    tokens = InputSpec((1, _TOKENS), "int64", main, getattr(text, "vocab_size", None))
    found: list[InputSpec] = []
    if main == "input_ids":
        found.append(tokens)
        # Two towers side by side need both; elsewhere the picture can be left away.
        if "pixel_values" in takes and hasattr(config, "projection_dim"):
            found.append(_picture(config))
    elif main == "pixel_values":
        found.append(_picture(config))
        if "input_ids" in takes and hasattr(config, "text_config"):
            found.append(replace(tokens, name="input_ids"))
    elif main == "input_values":
        found.append(InputSpec(_audio_shape(config), name=main))
    elif main == "inputs" and hasattr(config, "d_model"):
        found.append(InputSpec((1, _TOKENS, config.d_model), name=main))
    elif main == "input_features":
        bins, frames = (
            getattr(config, "num_mel_bins", 80),
            getattr(config, "max_source_positions", 0),
        )
        # Whisper's encoder halves the frames; other encoders take any number.
        found.append(InputSpec((1, bins, 2 * frames) if frames else (1, 100, bins), name=main))
    else:
        return ()
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes:
        found.append(replace(tokens, name="decoder_input_ids"))
    missing = [
        name
        for name, parameter in takes.items()
        if name != "self"
        and parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and all(spec.name != name for spec in found)
    ]
    return () if missing else tuple(found)


def _picture(config: Any) -> InputSpec:
    vision = getattr(config, "vision_config", None) or config
    size = getattr(vision, "image_size", None) or getattr(vision, "img_size", None) or 224
    if isinstance(size, dict):
        size = (size.get("height", 224), size.get("width", 224))
    height, width = size if isinstance(size, tuple | list) else (size, size)
    shape: tuple[int, ...] = (getattr(vision, "num_channels", None) or 3, height, width)
    frames = getattr(vision, "num_frames", None)
    return InputSpec((1, frames, *shape) if frames else (1, *shape), name="pixel_values")


def _audio_shape(config: Any) -> tuple[int, ...]:
    if hasattr(config, "max_length") and hasattr(config, "num_mel_bins"):
        return (1, config.max_length, config.num_mel_bins)
    channels = getattr(config, "audio_channels", None)  # codecs take them one below the other
    return (1, _SECOND_OF_AUDIO) if channels is None else (1, channels, _SECOND_OF_AUDIO)

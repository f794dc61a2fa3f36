"""A small input of the kind that an architecture of transformers takes, by its configuration."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from shapescope.capture.input_spec import InputSpec

__all__ = ["inputs_of"]

_TOKENS = 16
"""Length of the text that stands for one; any length up to the model's own would do."""
_CHOICES = 2
_SECOND_OF_AUDIO = 16_000
_PARTS = ("vision_config", "backbone_config", "prompt_encoder_config")
"""Where a configuration made of several keeps the size of a picture."""


def inputs_of(cls: type[Any], config: Any) -> tuple[InputSpec, ...]:
    """One small input of the kind the architecture takes; () where that is not known."""
    takes = inspect.signature(cls.forward).parameters
    main = getattr(cls, "main_input_name", "input_ids")
    takes_any = any(it.kind is it.VAR_KEYWORD for it in takes.values())
    if not isinstance(main, str) or (main not in takes and not takes_any):
        return ()
    text = _text_config(config)
    # A head that chooses among answers takes the text of each.
    choices = (_CHOICES,) if cls.__name__.endswith("ForMultipleChoice") else ()
    vocabulary = getattr(text, "vocab_size", None)
    tokens = InputSpec((1, *choices, _TOKENS), "int64", main, vocabulary)
    found: list[InputSpec] = []
    if main == "input_ids":
        found.append(tokens)
        if "pixel_values" in takes and _has_two_towers(config):
            found.append(_picture(config))
    elif main == "pixel_values":
        found.append(_picture(config))
        if "input_ids" in takes and hasattr(config, "text_config"):
            found.append(replace(tokens, name="input_ids"))
    elif main == "pixel_values_videos" and hasattr(config, "frames_per_clip"):
        size = getattr(config, "crop_size", 224)
        channels = getattr(config, "in_chans", 3)
        found.append(InputSpec((1, config.frames_per_clip, channels, size, size), name=main))
    elif main == "input_values":
        found.append(InputSpec(_audio_shape(config), name=main))
    elif main == "inputs" and hasattr(config, "d_model"):
        found.append(InputSpec((1, _TOKENS, config.d_model), name=main))
    elif main == "past_values" and hasattr(config, "num_input_channels"):
        shape = (1, config.context_length, config.num_input_channels)
        found.append(InputSpec(shape, name=main))
    elif main == "input_features":
        found.append(InputSpec(_features_shape(config), name=main))
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


def _text_config(config: Any) -> Any:
    """The part that knows the vocabulary; of several, the one that the decoder reads with."""
    if not hasattr(config, "get_text_config"):
        return config
    try:
        return config.get_text_config()
    except ValueError:  # several parts read text
        return getattr(config, "text_encoder", config)


def _has_two_towers(config: Any) -> bool:
    """Whether a picture is needed beside the text; where a token stands for it, it can be left."""
    if hasattr(config, "projection_dim"):
        return True
    if hasattr(config, "image_token_id") or hasattr(config, "image_token_index"):
        return False
    towers = hasattr(config, "vision_config") and hasattr(config, "text_config")
    return towers or hasattr(config, "image_size")


def _picture(config: Any) -> InputSpec:
    vision = getattr(config, "vision_config", None) or config
    size = _size_of_picture(vision) or _size_of_picture(config) or 224
    if isinstance(size, dict):
        size = (size.get("height", 224), size.get("width", 224))
    height, width = size if isinstance(size, tuple | list) else (size, size)
    shape: tuple[int, ...] = (getattr(vision, "num_channels", None) or 3, height, width)
    frames = getattr(vision, "num_frames", None)
    return InputSpec((1, frames, *shape) if frames else (1, *shape), name="pixel_values")


def _size_of_picture(config: Any) -> Any:
    """The size that a configuration, or a part of it, was made for."""
    own = getattr(config, "image_size", None) or getattr(config, "img_size", None)
    parts = [getattr(config, name, None) for name in _PARTS]
    return own or next(
        (size for part in parts if (size := getattr(part, "image_size", None))), None
    )


def _features_shape(config: Any) -> tuple[int, ...]:
    """Spectra of a sound: frequencies before time, or behind it."""
    bins = getattr(config, "num_mel_bins", 80)
    frames = getattr(config, "max_source_positions", 0)
    if hasattr(config, "input_feat_per_channel"):
        return 1, 100, config.input_feat_per_channel
    # Whisper's encoder halves the frames; other encoders take any number.
    return (1, bins, 2 * frames) if frames else (1, 100, bins)


def _audio_shape(config: Any) -> tuple[int, ...]:
    if hasattr(config, "max_length") and hasattr(config, "num_mel_bins"):
        return (1, config.max_length, config.num_mel_bins)
    channels = getattr(config, "audio_channels", None)  # codecs take them one below the other
    if channels is None and hasattr(config, "codebook_size"):
        channels = 1
    return (1, _SECOND_OF_AUDIO) if channels is None else (1, channels, _SECOND_OF_AUDIO)

"""The form in which a user asks for the inputs of a model.

`SHAPE[:DTYPE][<BOUND]`, `NAME=...` in front for a keyword argument, `NAME.KEY=...` for what a dict
holds, `NAME:=JSON` for a plain value, `[SHAPE]` for a tensor in a list, `@file.py:function` for
whatever a function of the user's returns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shapescope.diagnostic import ShapescopeError

__all__ = [
    "InputSpec",
    "format_input",
    "parse_input",
    "parse_inputs",
    "rebatch",
]

_DTYPES = (
    "float32", "float16", "bfloat16", "float64", "complex64", "complex128",
    "int64", "int32", "int16", "int8", "uint8", "bool",
)  # fmt: skip
_DTYPE_ALIASES = {
    "float": "float32",
    "half": "float16",
    "double": "float64",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "byte": "uint8",
    "cfloat": "complex64",
    "cdouble": "complex128",
}
_LARGEST = {
    "int64": 2**63 - 1,
    "int32": 2**31 - 1,
    "int16": 2**15 - 1,
    "int8": 2**7 - 1,
    "uint8": 2**8 - 1,
}
_MOST_VALUES = 2**50
_PICTURE = 3
_STATE = 3
_APART = r"\s*[,x\N{MULTIPLICATION SIGN}]\s*"
_FORM = "write sizes with commas, as in --input 1,3,32,32"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a model.

    Attributes:
        shape: sizes per axis; None where `value` or `source` stands for the input.
        dtype: torch's name of the dtype.
        name: the keyword it is passed by; None passes it by position. `batch.x` is the tensor under
            `x` in a dict that is passed by the keyword `batch`.
        bound: integers are drawn from 0 up to this, exclusive; None leaves it to the model.
        listed: the tensor stands in a list, with the listed inputs right before and behind it.
        value: the plain value, as JSON text, of `NAME:=JSON`.
        source: `file.py:function`, whose result is the inputs.
    """

    shape: tuple[int, ...] | None
    dtype: str = "float32"
    name: str | None = None
    bound: int | None = None
    listed: bool = False
    value: str | None = None
    source: str | None = None


def parse_input(text: str) -> InputSpec:
    """The input that a user asks for in one `--input`.

    Raises:
        ShapescopeError: the text has another form; one line says which and what to write.
    """
    text = text.strip()
    if text.startswith("@"):
        return _parse_source(text)
    plain = re.match(r"([^\W\d]\w*)\s*:=\s*(.*)$", text, re.DOTALL)
    if plain is not None:
        return _parse_value(text, plain[1], plain[2])
    name, equals, rest = text.rpartition("=")
    name = name.strip()
    if equals and not all(part.isidentifier() for part in name.split(".")):
        raise _refused(text, f"`{name}` is not the name of an argument", "write NAME=1,3,32,32")
    shape, dtype, bound, listed = _parse_tensor(text, rest)
    return InputSpec(shape, dtype, name if equals else None, bound, listed)


def parse_inputs(texts: Iterable[str]) -> tuple[InputSpec, ...]:
    """All inputs of a request, in order.

    Raises:
        ShapescopeError: one of them has another form, or two have one name.
    """
    specs = tuple(parse_input(text) for text in texts)
    names = [spec.name for spec in specs if spec.name is not None]
    for name in names:
        if names.count(name) > 1:
            raise ShapescopeError(f"--input gives `{name}` twice; keep one of them")
        inside = next((other for other in names if other.startswith(f"{name}.")), None)
        if inside is not None:
            raise ShapescopeError(
                f"--input gives `{name}` itself and `{inside}`, which makes a dict of it; "
                "keep one of them"
            )
    return specs


def format_input(spec: InputSpec) -> str:
    """The text that `parse_input` reads as this spec."""
    if spec.source is not None:
        return f"@{spec.source}"
    if spec.value is not None:
        return f"{spec.name}:={spec.value}"
    sizes = ",".join(map(str, spec.shape or ())) or "()"
    text = f"[{sizes}]" if spec.listed else sizes
    text += "" if spec.dtype == "float32" else f":{spec.dtype}"
    text += "" if spec.bound is None else f"<{spec.bound}"
    return text if spec.name is None else f"{spec.name}={text}"


def _refused(text: str, problem: str, advice: str) -> ShapescopeError:
    return ShapescopeError(f"--input {text or repr(text)}: {problem}; {advice}")


def _parse_source(text: str) -> InputSpec:
    file, colon, function = text[1:].rpartition(":")
    if not colon or not file.endswith(".py") or not function.isidentifier():
        raise _refused(
            text, "this names no function", "write @file.py:function, which returns the inputs"
        )
    return InputSpec(None, source=text[1:])


def _parse_value(text: str, name: str, value: str) -> InputSpec:
    try:
        json.loads(value)
    except ValueError:
        raise _refused(
            text,
            f"`{value}` is not JSON",
            f"write {name}:=true, {name}:=3, {name}:=null, {name}:='\"text\"' or {name}:=[1,2]",
        ) from None
    return InputSpec(None, name=name, value=value)


def _parse_tensor(text: str, rest: str) -> tuple[tuple[int, ...], str, int | None, bool]:
    rest, less, limit = rest.partition("<")
    sizes, colon, kind = rest.partition(":")
    bound = _parse_bound(text, limit.strip()) if less else None
    dtype = _parse_dtype(text, kind.strip()) if colon else "float32" if bound is None else "int64"
    if bound is not None and dtype not in _LARGEST:
        raise _refused(text, f"a bound needs an integer dtype, not {dtype}", "write :int64<1000")
    if bound is not None and bound > _LARGEST[dtype] + 1:
        raise _refused(text, f"{dtype} does not reach {bound - 1}", "write :int64")
    sizes = sizes.strip()
    listed = sizes.startswith("[") and sizes.endswith("]")
    if listed or (sizes.startswith("(") and sizes.endswith(")")):
        sizes = sizes[1:-1].strip()
        shape = _parse_shape(text, sizes) if sizes else ()
    else:
        shape = _parse_shape(text, sizes)
    return shape, dtype, bound, listed


def _parse_shape(text: str, sizes: str) -> tuple[int, ...]:
    if not sizes:
        raise _refused(text, "the shape is missing", _FORM)
    shape = []
    # Spaces alone part sizes too; between shapes with commas they would join two inputs.
    apart = r"\s+" if re.fullmatch(r"[0-9]+(\s+[0-9]+)+", sizes) else _APART
    for part in re.split(apart, sizes):
        if not part:
            raise _refused(text, "a size is missing between the commas", _FORM)
        if not re.fullmatch(r"[+-]?[0-9]+", part):
            raise _refused(text, f"`{part}` is not a size", _FORM)
        if len(part) > 19 or int(part) < 1:
            problem = "is too large" if len(part) > 19 and int(part) > 0 else "is below 1"
            raise _refused(text, f"size {part} {problem}", "every size has to be 1 or more")
        shape.append(int(part))
    total = 1
    for size in shape:
        total *= size
    if total > _MOST_VALUES:
        raise _refused(text, f"this holds {total:.0e} values", "write smaller sizes")
    return tuple(shape)


def _parse_bound(text: str, limit: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", limit) or int(limit) < 1:
        raise _refused(
            text, f"`{limit}` is no bound", "write a whole number from 1, as in :int64<1000"
        )
    return int(limit)


def _parse_dtype(text: str, kind: str) -> str:
    name = kind.removeprefix("torch.")
    dtype = _DTYPE_ALIASES.get(name, name)
    if dtype in _DTYPES:
        return dtype
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), (*_DTYPES, *_DTYPE_ALIASES), 1)
    advice = f"did you mean {close[0]}?" if close else f"the dtypes are {', '.join(_DTYPES)}"
    raise _refused(text, f"there is no dtype `{kind}`", advice)


def rebatch(specs: Sequence[InputSpec], n: int) -> tuple[InputSpec, ...]:
    """The same inputs with a batch of `n`.

    The batch is axis 0 of the first tensor; every input whose axis 0 has that size changes with
    it, and so does axis 1 of a recurrent state, layers x batch x features. Listed pictures of
    three axes are a batch themselves, and become `n` of them; other listed tensors are of one
    batch. Values and functions stay.
    """
    pictures = {spec for spec in specs if spec.listed and len(spec.shape or ()) == _PICTURE}
    tensors = [spec for spec in specs if spec.shape and spec not in pictures]
    batch = tensors[0].shape[0] if tensors and tensors[0].shape else None
    changed: list[InputSpec] = []
    for spec in specs:
        if spec in pictures and spec.name is None:
            if changed and changed[-1].listed:
                continue
            changed.extend([spec] * n)
        elif spec.shape and spec not in pictures and spec.shape[0] == batch:
            changed.append(replace(spec, shape=(n, *spec.shape[1:])))
        elif spec.shape and len(spec.shape) == _STATE and spec.shape[1] == batch:
            changed.append(replace(spec, shape=(spec.shape[0], n, *spec.shape[2:])))
        else:
            changed.append(spec)
    return tuple(changed)

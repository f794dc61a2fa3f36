"""From what a user typed to a model that can be built, on meta or for real, as often as needed.

What the request or the text of its file tells to be wrong is refused before torch is loaded.
"""

from __future__ import annotations

import copy
import inspect
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loading.glance import refuse_at_a_glance
from shapescope.capture.loading.import_errors import missing_file, no_such_name, shown_place
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.loading.spec import ZOOS, ModelSpec, parse_spec
from shapescope.diagnostic import ShapescopeError, did_you_mean
from shapescope.networks.registry import find, names
from shapescope.source_text import absolute_path, display_path

if TYPE_CHECKING:
    from torch import nn

    from shapescope.trace import SourceSpan

__all__ = ["load", "promising"]


def load(spec: str, *, overrides: Mapping[Path, str] | None = None) -> LoadedModel:
    """Find the model that a user named. A file of the user's is executed, afresh each time.

    Args:
        spec: one of the forms in `shapescope.capture.loading.spec`.
        overrides: text by path for files that are to be read as if edited.

    Raises:
        ShapescopeError: there is no such model, or the request cannot be met (exit code 2).
    """
    parsed = promising(spec, overrides)
    if parsed.kind == "network":
        return _load_network(parsed)
    if parsed.kind in ZOOS:
        from shapescope.capture.loading.zoo import load_from_zoo

        return load_from_zoo(parsed)
    if parsed.kind == "saved":
        from shapescope.capture.loading.saved import load_saved

        return load_saved(parsed)
    return _load_code(parsed, dict(overrides or {}))


def promising(spec: str, overrides: Mapping[Path, str] | None = None) -> ModelSpec:
    """Take a model's name apart, and refuse what can be known without loading anything.

    Args:
        spec: what the user typed.
        overrides: text by path for files that are to be read as if edited.

    Raises:
        ShapescopeError: there is no such model.
    """
    parsed = parse_spec(spec)
    if parsed.place.endswith(".ipynb"):
        raise ShapescopeError(
            f"{parsed.place} is a notebook; a model is read from a Python file",
            advice=(
                "in the notebook: shapescope.trace(model, input_size=(1, 3, 32, 32))",
                f"or make it a file: jupyter nbconvert --to script {shlex.quote(parsed.place)}",
            ),
        )
    if parsed.kind == "network" and find(parsed.place) is None:
        raise _unknown(parsed)
    if parsed.kind == "saved" and not _there(parsed.place):
        raise missing_file(parsed.place)
    if parsed.kind == "file" and not _there(parsed.place):
        edited = {absolute_path(path) for path in overrides or {}}
        if absolute_path(parsed.place) not in edited:
            raise missing_file(parsed.place)
    if not overrides and "torch" not in sys.modules:
        refuse_at_a_glance(parsed)
    return parsed


def _there(path: str, is_there: Callable[[Path], bool] = Path.exists) -> bool:
    """Whether something is there; a name that no file can have is nowhere."""
    try:
        return is_there(Path(path))
    except OSError:
        return False


def _load_network(parsed: ModelSpec) -> LoadedModel:
    entry = find(parsed.place)
    assert entry is not None
    from importlib import import_module

    from shapescope.capture.loading.maker import maker

    module, _, class_name = entry.factory.partition(":")
    cls = getattr(import_module(module), class_name)
    make, arguments = maker(parsed, cls, class_name, _no_names)
    shown = f"({arguments})" if arguments else ""
    return LoadedModel(
        spec=parsed.text,
        name=entry.name + shown,
        class_name=class_name,
        make=make,
        file=Path(inspect.getfile(cls)),
        entry=entry,
        default_inputs=(InputSpec(entry.input_shape),),
    )


def _unknown(parsed: ModelSpec) -> ShapescopeError:
    from difflib import get_close_matches

    name = parsed.place
    if _there(f"{name}.py", Path.is_file):
        return ShapescopeError(f"there is no model called `{name}`; did you mean {name}.py?")
    if _there(name, Path.is_dir):
        inside = Path(name, "net.py").as_posix()
        return ShapescopeError(f"`{name}` is a folder; name a file in it: {inside}:Class")
    close = get_close_matches(name.lower(), names(), 1)
    if close:
        return ShapescopeError(f"there is no model called `{name}`; did you mean {close[0]}?")
    from shapescope.capture.loading.zoo_names import zoo_with

    zoo = zoo_with(name)
    if zoo is not None:
        return ShapescopeError(f"there is no model called `{name}`; did you mean {zoo}?")
    files = _files_beside(name)
    slip = get_close_matches(Path(name).name, files, 1, _ALIKE)
    if slip:
        meant = Path(name).with_name(slip[0])
        return ShapescopeError(f"there is no model called `{name}`; did you mean {meant}?")
    return ShapescopeError(
        f"there is no model called `{name}`; `shapescope models` lists the names, and a model of "
        "your own is path/file.py:Class"
    )


def _files_beside(name: str) -> list[str]:
    """The Python files in the folder that a name would lie in."""
    try:
        return sorted(file.name for file in Path(name).parent.glob("*.py"))
    except OSError:
        return []


def _no_names(name: str) -> Any:
    raise ShapescopeError(f"`{name}` is not defined here; write the argument as a literal")


def _load_code(parsed: ModelSpec, overrides: dict[Path, str]) -> LoadedModel:
    from torch import nn

    from shapescope.capture.constructions import Constructions
    from shapescope.capture.loading.execute import load_file, load_module
    from shapescope.capture.loading.first_calls import FirstCalls
    from shapescope.capture.loading.maker import maker

    with Constructions() as constructions, FirstCalls() as calls:
        if parsed.kind == "file":
            code = load_file(parsed.place, overrides, wanted=_names_in(parsed))
        else:
            code = load_module(parsed.place, overrides)
    place = parsed.place
    try:
        attribute = parsed.attribute or _only_model(code.module, code.tree, place)
        value = _lookup(code.module, attribute, place)
    except ShapescopeError:
        if code.broken is not None:
            raise code.broken from None  # the reason why it is not there
        raise
    definitions: dict[str, SourceSpan] = {}
    shown = "()" if parsed.called else ""
    if isinstance(value, nn.Module):
        if parsed.called:
            raise ShapescopeError(
                f"{place}:{attribute} is a model already, not a class; leave the arguments away"
            )
        definitions = constructions.spans(value)
        make = _copier(value)
    else:
        make, arguments = maker(
            parsed, value, attribute, lambda name: _argument(code.module, name, parsed)
        )
        shown = f"({arguments})" if arguments else shown
    call = calls.of(value)
    return LoadedModel(
        spec=parsed.text,
        name=f"{place}:{attribute}{shown}",
        class_name=attribute,
        make=make,
        file=None if code.file is None else Path(code.file),
        default_inputs=call.inputs if call is not None else (),
        overrides=overrides,
        files=code.files,
        notes=code.told,
        inputs_from=call.place if call is not None else "",
        compared=call.target if call is not None else None,
        code=code,
        known_definitions=definitions,
    )


def _names_in(parsed: ModelSpec) -> set[str]:
    """The names of a file that a request mentions."""
    named = {parsed.attribute.partition(".")[0]} - {""}
    return named | set(re.findall(r"[^\W\d]\w*", parsed.arguments.text))


_MISSING = object()
_ALIKE = 0.75
"""How much of a file's name has to be right for it to be suggested."""


def _copier(value: nn.Module) -> Callable[[], nn.Module]:
    return lambda: copy.deepcopy(value)


def _only_model(module: ModuleType, tree: Any, place: str) -> str:
    """The model of a file that was named alone."""
    from shapescope.capture.loading.choice import candidates, instances, no_model

    found = candidates(module, tree) or list(instances(module))
    if len(found) == 1:
        return found[0]
    if not found:
        raise ShapescopeError(no_model(module, tree, display_path(place)))
    raise ShapescopeError(
        f"{display_path(place)} holds several models: {', '.join(found)}; "
        f"name one: {place}:{found[0]}"
    )


def _lookup(module: ModuleType, dotted: str, place: str) -> Any:
    """What a dotted name means in a module; only modules and classes are looked into."""
    value: Any = module
    for part in dotted.split("."):
        inside = isinstance(value, ModuleType | type)
        value = getattr(value, part, _MISSING) if inside else _MISSING
        if value is _MISSING:
            raise _no_such_name(module, dotted, place, part)
    return value


def _argument(module: ModuleType, dotted: str, parsed: ModelSpec) -> Any:
    """What a dotted name among the arguments means.

    Raises:
        ShapescopeError: nothing in that module.
    """
    try:
        return _lookup(module, dotted, parsed.place)
    except ShapescopeError as error:
        own = [name for name in vars(module) if not name.startswith("_")]
        call, shown = f"{parsed.attribute}({parsed.arguments.text})", shown_place(parsed.place)
        raise ShapescopeError(
            f"the argument `{dotted}` is no name that {shown} defines or imports"
            + (
                did_you_mean(dotted, own)
                or f"; set `net = {call}` in a file that does, and name it: path/file.py:net"
            )
        ) from error


def _no_such_name(module: ModuleType, dotted: str, place: str, part: str) -> ShapescopeError:
    from shapescope.capture.loading.choice import instances, model_classes

    own = [name for name in vars(module) if not name.startswith("_")]
    models = [*model_classes(module), *instances(module)]
    return no_such_name(dotted, place, part, models, own)

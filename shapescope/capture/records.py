"""Steps while they are being made, and the names of what is registered in the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from shapescope.attrs import Attrs
from shapescope.capture.packed import is_quantized, packed_weights
from shapescope.capture.source import code_span, traceback_site
from shapescope.capture.tensors import dtype_name
from shapescope.source_text import working_folder
from shapescope.trace import Failure, ParamSpec, SourceSpan, Step, TensorSpec

Site = tuple[CodeType, int]


class Record:
    """A step while it is being made."""

    __slots__ = (
        "attrs", "error", "inputs", "kind", "module", "op", "outputs", "params",
        "parent", "path", "site", "sources",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        op: str,
        kind: str,
        parent: int | None,
        inputs: list[TensorSpec],
        sources: list[int],
        site: Site | None,
    ) -> None:
        self.path = path
        self.op = op
        self.kind = kind
        self.parent = parent
        self.inputs = inputs
        self.sources = sources
        self.site = site
        self.outputs: list[TensorSpec] = []
        self.attrs: Attrs | None = None
        self.params: tuple[ParamSpec, ...] = ()
        self.module: nn.Module | None = None
        self.error: BaseException | None = None


class Registered:
    """The names of a model's parameters and buffers, by identity.

    Args:
        modules: every module of the model under its first name, as `named_modules` gives them.
    """

    def __init__(self, modules: Sequence[tuple[str, nn.Module]]) -> None:
        self.names: dict[int, str] = {}
        self.params: dict[int, ParamSpec] = {}
        self._packed: dict[int, list[ParamSpec]] = {}
        buffers: list[tuple[str, Any]] = []
        for path, module in modules:
            prefix = path + "." if path else ""
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) not in self.params:
                    full = prefix + name
                    shape = () if is_lazy(parameter) else tuple(map(int, parameter.shape))
                    self.names[id(parameter)] = full
                    self.params[id(parameter)] = ParamSpec(
                        full, shape, dtype_name(parameter.dtype), parameter.requires_grad, full
                    )
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    buffers.append((prefix + name, buffer))
            kind: Any = type(module)
            if is_quantized(kind):
                self._add_packed(module, prefix)
        for name, buffer in buffers:
            self.names.setdefault(id(buffer), name)

    @property
    def all_params(self) -> tuple[ParamSpec, ...]:
        """Every parameter once, and the packed weights of quantized layers."""
        packed = (spec for specs in self._packed.values() for spec in specs)
        return (*self.params.values(), *packed)

    def _add_packed(self, module: nn.Module, prefix: str) -> None:
        specs = []
        for name, weight in packed_weights(module):
            shape, dtype = tuple(map(int, weight.shape)), dtype_name(weight.dtype)
            specs.append(ParamSpec(prefix + name, shape, dtype, False, prefix + name))
        if specs:
            self._packed[id(module)] = specs

    def of(self, module: nn.Module, path: str, deep: bool) -> tuple[ParamSpec, ...]:
        """The parameters of `module` under the names it has there, with (`deep`) those inside."""
        inside = deep and bool(module._modules)
        if not (inside or module._parameters or self._packed):
            return ()
        prefix = path + "." if path else ""
        if inside:
            own: Iterable[tuple[str, Any]] = module.named_parameters(remove_duplicate=False)
        else:
            own = module._parameters.items()
        specs = list(self._packed.get(id(module), ()))
        for name, parameter in own:
            known = self.params.get(id(parameter))
            if known is None:
                continue
            full = prefix + name
            if known.name != full:
                known = ParamSpec(full, known.shape, known.dtype, known.trainable, known.key)
            specs.append(known)
        return tuple(specs)


def steps_of(
    records: Sequence[Record],
    failed: int | None,
    registered: Registered,
    definitions: Mapping[str, SourceSpan],
) -> tuple[tuple[Step, ...], dict[int, int]]:
    """The records as steps, and the new number of each.

    A step that raised an error which the forward itself caught is left out: it made nothing.
    """
    kept = [
        index
        for index, record in enumerate(records)
        if record.error is None or index == failed or record.op == "module"
    ]
    renumbered = {old: new for new, old in enumerate(kept)}
    folder = working_folder()
    steps = tuple(
        _step(new, records[old], renumbered, registered, definitions, folder)
        for old, new in renumbered.items()
    )
    return steps, renumbered


def failure_of(error: BaseException, step: int | None) -> Failure:
    """How the pass ended: at `step`, with this error."""
    site = traceback_site(error)
    return Failure(
        step=step,
        exception=type(error).__name__,
        message=str(error).strip(),
        call_site=None if site is None else code_span(*site),
    )


def _step(
    index: int,
    record: Record,
    renumbered: Mapping[int, int],
    registered: Registered,
    definitions: Mapping[str, SourceSpan],
    folder: str,
) -> Step:
    params = record.params
    if record.module is not None:
        params = registered.of(record.module, record.path, deep=record.op != "module")
    return Step(
        index,
        record.path,
        record.op,
        record.kind,
        None if record.parent is None else renumbered[record.parent],
        tuple([renumbered[source] for source in record.sources]),
        tuple(record.inputs),
        tuple(record.outputs),
        record.attrs,
        params,
        call_site=None if record.site is None else code_span(*record.site, folder),
        defined_at=definitions.get(record.path) if record.kind == "module" else None,
    )

"""A model that was named and found: what to call it, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.loading.import_errors import one_line
from shapescope.diagnostic import ShapescopeError
from shapescope.networks.registry import NetworkEntry

if TYPE_CHECKING:
    from torch import Tensor

    from shapescope.capture.loading.building import Built
    from shapescope.capture.loading.execute import UserCode
    from shapescope.capture.traced import Target
    from shapescope.trace import SourceSpan

__all__ = ["LoadedModel"]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that was named and found, and can be built.

    Attributes:
        spec: what the user typed.
        name: what to call it: a network's own name for an alias, the class added to a bare file.
        file: the file it was read from, if it was one.
        class_name: the class, or the function or instance that was named.
        entry: the document network it is, if it is one.
        default_inputs: the inputs it was made for, () where they are not known.
        overrides: texts of edited files it was read with.
        files: all of the user's files that it was read from.
        notes: for people: why not all of a file was executed.
        inputs_from: the line that feeds it `default_inputs`, if that was seen.
        compared: what its file compares the output for `default_inputs` with, if that was seen.
        reload: of a live model's twin, gives it as read with other texts by path; it has no spec.
        weights: the tensors of a file that holds nothing else; such a "model" cannot be built.
    """

    spec: str
    name: str
    class_name: str
    make: Callable[[], Any] = field(repr=False, compare=False)
    file: Path | None = None
    entry: NetworkEntry | None = None
    default_inputs: tuple[InputSpec, ...] = ()
    overrides: Mapping[Path, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    inputs_from: str = ""
    compared: Target | None = None
    reload: Callable[[Mapping[Path, str]], LoadedModel] | None = field(
        default=None, repr=False, compare=False
    )
    weights: Mapping[str, Tensor] | None = field(default=None, repr=False, compare=False)
    code: UserCode | None = field(default=None, repr=False, compare=False)
    known_definitions: Mapping[str, SourceSpan] = field(
        default_factory=dict, repr=False, compare=False
    )

    def environment(self) -> AbstractContextManager[None]:
        """What has to be in place while code of the model runs: `sys.path`, stdin, stdout, ..."""
        return nullcontext() if self.code is None else self.code.environment()

    def fitted(self, specs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
        """What a user asked for, in the form this model takes: pictures in a list for detectors."""
        if not any(spec.listed for spec in self.default_inputs):
            return tuple(specs)
        return tuple(
            replace(spec, listed=True) if spec.name is None and len(spec.shape or ()) == 3 else spec
            for spec in specs
        )

    def build(self, device: str = "meta", *, seed: int = 0) -> Built:
        """A fresh module in eval mode.

        Args:
            device: `meta` for no memory (with a fall-back, see `Built.device`), or where to build.
            seed: of all random values that the constructor draws.

        Raises:
            ShapescopeError: the constructor raises (exit code 1), or gives no module (2).
        """
        from shapescope.capture.loading.building import Built, NotAModuleError, build_module
        from shapescope.capture.untouched.caches import caches_in, caches_stay

        caches = [] if self.code is None else caches_in(self.code.module)
        with self.environment(), caches_stay(caches):
            try:
                built = build_module(self.make, device, seed)
            except ShapescopeError:
                raise
            except ImportError as error:
                raise ShapescopeError(
                    f"{self.name} cannot be built here: {one_line(error)}; install what is missing"
                ) from None
            except NotAModuleError as error:
                raise ShapescopeError(
                    f"{self.name} gives {error}, not a torch.nn.Module; name a class or a function "
                    "that returns a model"
                ) from None
            except (Exception, SystemExit) as error:
                from shapescope.capture.constructing.constructor import constructor_problem

                raise constructor_problem(error, self) from error
            if "_modules" not in built.module.__dict__:
                from shapescope.capture.constructing.uninitialised import never_initialised

                raise ShapescopeError(never_initialised(built.module, self), exit_code=1)
        if self.known_definitions:
            return Built(built.module, dict(self.known_definitions), "cpu")
        return built

"""What the report shows of a run, gathered from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapescope.diagnostic import ShapescopeError
from shapescope.render.images import Picture
from shapescope.render.report.run_view import Exhibit, Maps, RunView

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shapescope.training.datasets.pixels import Split
    from shapescope.training.evaluation import Evaluation
    from shapescope.training.run import Run
    from shapescope.training.trained import Trained

MISTAKES = 16
IMAGES = 4
"""So many images have their feature maps shown, a few of them mistakes."""
CHANNELS = 32
"""So many maps of a step are shown."""
KERNELS = 64
WIDEST_MAP = 40
"""Maps wider than this are shown with every nth value."""


def run_view(folder: Path, data_dir: Path | None, *, sample: bool) -> RunView:
    """Everything the report shows of a run.

    What needs the images is left out, with a note, where they are not to be had any more.

    Raises:
        ShapescopeError: the folder holds no run, or its files are damaged.
    """
    from shapescope.training.run import Run
    from shapescope.training.trained import open_trained, with_data

    run = Run(folder)
    config = run.config()
    facts = _facts(config)
    if not run.best_path.exists() and not run.last_path.exists():
        note = "its first epoch is not done yet"
        return RunView(folder.name, facts, run.metrics(), notes=(note,))
    which = "best" if run.best_path.exists() else "last"
    trained = with_data(open_trained(str(folder), which=which), data_dir, sample=sample)
    kernels = _kernels(trained.module)
    try:
        image_set = trained.images()
    except ShapescopeError as error:
        note = f"no images, no confusion matrix: {error}"
        return _view(run, trained, facts, kernels, (note,))
    split = image_set.splits[-1]
    figures = trained.evaluate(split, MISTAKES)
    return RunView(
        title=trained.name.title,
        facts=(*facts, ("weights", trained.origin), (f"{split.name} accuracy", _percent(figures))),
        metrics=run.metrics(),
        classes=trained.classes,
        split=split.name,
        confusion=figures.confusion,
        mistakes=_mistakes(trained, split, figures),
        kernels=kernels,
        maps=_maps(trained, split, figures),
        notes=image_set.notes,
    )


def _view(
    run: Run,
    trained: Trained,
    facts: tuple[tuple[str, str], ...],
    kernels: tuple[Exhibit, ...],
    notes: tuple[str, ...],
) -> RunView:
    facts = (*facts, ("weights", trained.origin))
    title = trained.name.title
    return RunView(title, facts, run.metrics(), trained.classes, kernels=kernels, notes=notes)


def _percent(figures: Evaluation) -> str:
    return f"{100 * figures.top1_accuracy:.2f} % of {figures.count:,}"


_SHOWN = (
    ("recipe", ("recipe", "name")),
    ("data", ("data", "title")),
    ("from", ("data", "source")),
    ("train images", ("data", "train_images")),
    ("test images", ("data", "test_images")),
    ("epochs", ("recipe", "epochs")),
    ("batch size", ("recipe", "batch_size")),
    ("optimizer", ("recipe", "optimizer", "name")),
    ("lr", ("recipe", "optimizer", "lr")),
    ("momentum", ("recipe", "optimizer", "momentum")),
    ("weight decay", ("recipe", "optimizer", "weight_decay")),
    ("schedule", ("recipe", "schedule", "name")),
    ("seed", ("recipe", "seed")),
    ("device", ("engine", "device")),
    ("precision", ("engine", "precision")),
    ("threads", ("engine", "threads")),
    ("processes", ("engine", "processes")),
)
"""What of a run's config stands above its curves, and where it is found."""


def _facts(config: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Those of the config's values that tell runs apart; settings that are off are left out."""
    facts: list[tuple[str, str]] = []
    for name, way in _SHOWN:
        value: Any = config
        for key in way:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str | int | float) and (value or name == "seed"):
            facts.append((name, _plain(value)))
    return tuple(facts)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- pictures


def _mistakes(trained: Trained, split: Split, figures: Evaluation) -> tuple[Exhibit, ...]:
    from shapescope.cli.training import pictures
    from shapescope.render.evaluation import mistake_titles, with_file

    numbers = [mistake.number for mistake in figures.mistakes]
    titles = [
        with_file(title, mistake.file)
        for title, mistake in zip(
            mistake_titles(figures, trained.classes), figures.mistakes, strict=True
        )
    ]
    return tuple(map(Exhibit, pictures(split, numbers), titles))


def _kernels(module: nn.Module) -> tuple[Exhibit, ...]:
    """The kernels of the convolutions, each input channel of each a small picture."""
    from shapescope.capture.further.outputs import signed_bytes

    found = []
    for name, parameter in module.named_parameters():
        if parameter.dim() != 4 or parameter.shape[-1] < 2:
            continue
        made, taken, high, wide = parameter.shape
        small = parameter.detach().float().reshape(made * taken, high, wide)
        text = f"{name}: {made} kernels x {taken} input channel{'s' if taken > 1 else ''}"
        if made * taken > KERNELS:
            text += f", the first {KERNELS}"
        shown = [Picture(high, wide, 1, signed_bytes(one)) for one in small[:KERNELS]]
        columns = 16 if taken > 16 else taken * (16 // taken)  # a kernel's channels side by side
        found.append(Exhibit(_tiled(shown, columns), text))
    return tuple(found[:6])


def _maps(trained: Trained, split: Split, figures: Evaluation) -> tuple[Maps, ...]:
    """The first images of the split and the worst mistakes, and what the steps make of them."""
    import torch

    from shapescope.capture.further.outputs import feature_maps
    from shapescope.cli.training import picture

    wrong = [mistake.number for mistake in figures.mistakes[: IMAGES // 2]]
    numbers = [*range(min(IMAGES - len(wrong), len(split))), *wrong]
    sized = trained.sized(split)
    images = next(iter(sized.pixels.read([torch.tensor(numbers)])))
    seen = feature_maps(trained.module, trained.prepare(images))
    shown = []
    for place, number in enumerate(numbers):
        label = trained.classes[int(split.labels[number])]
        steps = tuple(
            Exhibit(_channels(one.maps[place]), _step_text(one.step.path, one.step.op, one.maps))
            for one in seen
        )
        image = Exhibit(picture(images[place]), f"{split.name} image {number}: {label}")
        shown.append(Maps(image, steps))
    return tuple(shown)


def _step_text(path: str, op: str, maps: Tensor) -> str:
    size = " x ".join(map(str, maps.shape[1:]))
    more = f", the first {CHANNELS}" if maps.shape[1] > CHANNELS else ""
    return f"{path} {op}: {size}{more}".strip()


def _channels(maps: Tensor) -> Picture:
    """The channels of one image side by side, each from its darkest to its brightest value."""
    from shapescope.capture.further.outputs import grey_bytes

    step = -(-maps.shape[-1] // WIDEST_MAP)
    small = [one[::step, ::step] for one in maps[:CHANNELS]]
    high, wide = small[0].shape
    return _tiled([Picture(high, wide, 1, grey_bytes(one)) for one in small], 8)


def _tiled(pictures: Sequence[Picture], columns: int) -> Picture:
    from shapescope.render.report.png import tiled

    return tiled(pictures, columns)

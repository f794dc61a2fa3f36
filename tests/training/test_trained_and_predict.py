"""Networks from runs, files and names, and what they say of single images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from shapescope.diagnostic import ShapescopeError
from shapescope.networks import MyLeNet5
from shapescope.training import checkpoint
from shapescope.training.options import TrainOptions, new_request
from shapescope.training.predict import looks_inverted, predict_files, predict_split
from shapescope.training.run import Run
from shapescope.training.train import train
from shapescope.training.trained import Trained, described, open_trained, with_data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A short run of the lenet5 on the sample."""
    run = Run(tmp_path_factory.mktemp("runs") / "lenet5")
    train(new_request(TrainOptions("lenet5", sample=True, changes={"epochs": 3})), run)
    yield run


def test_a_run_is_opened_at_its_best_epoch(run: Run) -> None:
    trained = open_trained(str(run.folder))
    assert trained.name.spec == "lenet5"
    assert trained.shape == (1, 32, 32)
    found = trained.evaluate(trained.data.load().test, worst=3)
    best = max(line["top1_accuracy"] for line in run.metrics() if line["split"] == "test")
    assert found.top1_accuracy == best
    assert len(found.mistakes) == 3
    assert described(trained)["input_shape"] == [1, 1, 32, 32]


@pytest.mark.parametrize("which", ["best", "last"])
def test_a_checkpoint_file_is_as_good_as_its_run(run: Run, which: str) -> None:
    from_run = open_trained(str(run.folder), which=which)
    from_file = open_trained(str(run.best_path if which == "best" else run.last_path))
    for left, right in zip(
        from_run.module.state_dict().values(), from_file.module.state_dict().values(), strict=True
    ):
        assert left.equal(right)


def test_predictions_are_the_networks(run: Run) -> None:
    trained = open_trained(str(run.folder))
    image_set = trained.data.load()
    found = predict_split(trained, image_set.test, 5)
    assert [one.actual for one in found] == [7, 2, 1, 0, 4]
    images = next(iter(trained.sized(image_set.test).pixels.read([torch.arange(5)])))
    with torch.no_grad():
        scores = trained.module(trained.prepare(images))
    for one, row in zip(found, scores, strict=True):
        assert one.outputs == pytest.approx(row.tolist())
        assert sum(one.probabilities) == pytest.approx(1)
        assert one.predicted == int(row.argmax())
        assert one.right == (one.predicted == one.actual)
        assert one.image.shape == (1, 32, 32)
    assert found[0].to_dict(trained.classes)["actual_class"] == "7"


def test_fewer_images_than_asked_for(run: Run) -> None:
    trained = open_trained(str(run.folder))
    assert len(predict_split(trained, trained.data.load().test, 10_000)) == 500


def test_a_users_image_is_brought_to_size(run: Run, tmp_path: Path) -> None:
    trained = open_trained(str(run.folder))
    image = trained.data.load().test.pixels.read([torch.tensor([0])])
    digit = Image.fromarray(next(iter(image))[0, 0].numpy())
    digit.resize((90, 90)).convert("RGB").save(tmp_path / "seven.png")
    Image.eval(digit, lambda value: 255 - value).save(tmp_path / "dark.png")
    (found,) = predict_files(trained, [tmp_path / "seven.png"])
    assert found.predicted == 7
    assert (found.actual, found.right) == (None, None)
    assert not looks_inverted(trained, found)
    (dark,) = predict_files(trained, [tmp_path / "dark.png"])
    assert looks_inverted(trained, dark)
    (turned,) = predict_files(trained, [tmp_path / "dark.png"], invert=True)
    assert turned.predicted == 7


def test_images_that_are_none(run: Run, tmp_path: Path) -> None:
    trained = open_trained(str(run.folder))
    with pytest.raises(ShapescopeError, match=r"none\.png does not exist"):
        predict_files(trained, [tmp_path / "none.png"])
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(ShapescopeError, match=r"text\.png is no image"):
        predict_files(trained, [tmp_path / "text.png"])


def test_the_first_forward_pass_of_document_four() -> None:
    trained = with_data(open_trained("fashion", untrained=True), None, sample=True)
    found = predict_split(trained, trained.data.load().train, 10)
    assert found[0].actual == 9
    assert [one.actual for one in found] == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert len(found[0].outputs) == 10


def test_bare_weights_as_document_three_saves_them(tmp_path: Path) -> None:
    path = tmp_path / "best_model.pth"
    model = MyLeNet5()
    torch.save(model.state_dict(), path)
    trained = open_trained(str(path))
    assert trained.name.spec == "lenet5-tanh"
    assert trained.origin == str(path)
    assert trained.module.net[0].weight.equal(model.net[0].weight)  # type: ignore[index, union-attr]


def opened(target: Path | str, **arguments: str) -> Trained:
    return open_trained(str(target), **arguments)  # type: ignore[arg-type]


def test_what_is_neither_run_nor_file_nor_name(tmp_path: Path, run: Run) -> None:
    with pytest.raises(ShapescopeError, match="there is no run folder or checkpoint file nowhere"):
        opened("nowhere")
    with pytest.raises(ShapescopeError, match="lenet5 is a network, not a run") as caught:
        opened("lenet5")
    assert [help_.message for help_ in caught.value.diagnostic.help] == [
        "shapescope train lenet5 --sample",
        "or add --untrained to lenet5",
    ]
    with pytest.raises(ShapescopeError, match=r"holds no run: config\.json is missing"):
        opened(tmp_path)
    with pytest.raises(ShapescopeError, match="is of another network"):
        opened(run.best_path, model="network")


def test_a_run_without_an_epoch_has_nothing_to_show(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    train(new_request(TrainOptions("network", sample=True, changes={"epochs": 0})), run)
    with pytest.raises(ShapescopeError, match=r"has no best\.pt yet: its first epoch"):
        opened(run.folder)


def test_weights_of_a_users_model_need_the_runs_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(784, 10))\n"
    )
    monkeypatch.chdir(tmp_path)
    torch.save({"1.weight": torch.zeros(10, 784), "1.bias": torch.zeros(10)}, "own.pth")
    with pytest.raises(ShapescopeError, match="holds weights of none of the networks"):
        opened("own.pth")
    with pytest.raises(ShapescopeError, match="holds weights only: for a model of your own"):
        opened("own.pth", model="net.py:Net")


def test_an_average_of_weights_is_what_is_used(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    changes = {"epochs": 1, "average": 0.9}
    train(new_request(TrainOptions("network", sample=True, changes=changes)), run)
    content = checkpoint.load(run.last_path)
    trained = open_trained(str(run.last_path))
    for name, value in trained.module.state_dict().items():
        assert value.equal(content["average"][name])
        assert not value.equal(content["weights"][name])


def test_sample_and_folder_exclude_each_other(run: Run, tmp_path: Path) -> None:
    trained = open_trained(str(run.folder))
    with pytest.raises(ShapescopeError, match="exclude each other"):
        with_data(trained, tmp_path, sample=True)
    assert with_data(trained, tmp_path, sample=False).data.data_dir == str(tmp_path.resolve())

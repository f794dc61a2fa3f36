from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.picture import with_picture
from shapescope.diagnostic import ShapescopeError


@pytest.fixture
def red(tmp_path: Path) -> Path:
    """A picture of 10 x 6, red on the left, black on the right."""
    image = Image.new("RGB", (10, 6))
    image.paste((255, 0, 0), (0, 0, 5, 6))
    image.save(tmp_path / "red.png")
    return tmp_path / "red.png"


def test_a_picture_takes_the_place_of_an_image(red: Path) -> None:
    (picture,), kwargs = with_picture((InputSpec((2, 3, 6, 10)),), red)
    assert kwargs == {}
    assert picture.shape == (2, 3, 6, 10)
    assert picture.dtype == torch.float32
    assert picture[:, 0, :, :5].eq(1).all()
    assert picture[:, 0, :, 5:].eq(0).all()
    assert picture[:, 1:].eq(0).all()


def test_size_and_channels_are_the_inputs(red: Path) -> None:
    (grey,), _ = with_picture((InputSpec((1, 1, 28, 30)),), red)
    assert grey.shape == (1, 1, 28, 30)
    assert 0.2 < grey[0, 0, 5, 2] < 0.4  # red has little light
    (unbatched,), _ = with_picture((InputSpec((4, 8, 8)),), red)
    assert unbatched.shape == (4, 8, 8)
    assert unbatched[3].eq(1).all()


def test_other_inputs_stay_what_they_were_asked_to_be(red: Path) -> None:
    specs = (InputSpec((2, 5), "int64"), InputSpec((1, 3, 4, 4)), InputSpec((2,), name="scale"))
    args, kwargs = with_picture(specs, red)
    assert args[0].dtype == torch.int64
    assert args[1].shape == (1, 3, 4, 4)
    assert list(kwargs) == ["scale"]
    _, named = with_picture((InputSpec((1, 3, 4, 4), name="image"),), red)
    assert named["image"].shape == (1, 3, 4, 4)


def test_what_is_no_picture(tmp_path: Path, red: Path) -> None:
    with pytest.raises(ShapescopeError, match="no input of this model is an image"):
        with_picture((InputSpec((1, 10)),), red)
    with pytest.raises(ShapescopeError, match="there is no file"):
        with_picture((InputSpec((1, 3, 4, 4)),), tmp_path / "gone.png")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(ShapescopeError, match="cannot be read as a picture"):
        with_picture((InputSpec((1, 3, 4, 4)),), text)

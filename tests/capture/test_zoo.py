"""Models that packages offer by name: built without weights, with an input they take."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pytest
import torch

from shapescope.capture.inputs import InputSpec, make_inputs
from shapescope.capture.loader import load
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.loading.zoo_names import torchvision_names, zoo_with
from shapescope.diagnostic import ShapescopeError

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")


def runs_on_meta(loaded: LoadedModel) -> torch.nn.Module:
    """Build on meta and run the model's own input through it."""
    built = loaded.build()
    module = built.module.to("meta")
    args, kwargs = make_inputs(loaded.default_inputs, module, device="meta")
    with torch.no_grad(), torch.device("meta"):
        module(*args, **kwargs)
    return module


def refused(spec: str) -> str:
    with pytest.raises(ShapescopeError) as caught:
        load(spec)
    assert caught.value.exit_code == 2
    return str(caught.value)


PICTURE = (1, 3, 224, 224)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("resnet18", [PICTURE]),
        ("inception_v3", [(1, 3, 299, 299)]),
        ("efficientnet_b2", [(1, 3, 288, 288)]),
        ("vit_h_14", [PICTURE]),
        ("swin_v2_t", [(1, 3, 256, 256)]),
        ("deeplabv3_resnet50", [(1, 3, 520, 520)]),
        ("r3d_18", [(1, 3, 16, 112, 112)]),
        ("mvit_v2_s", [(1, 3, 16, 224, 224)]),
        ("raft_small", [(1, 3, 384, 512)] * 2),
        ("quantized_resnet18", [PICTURE]),
        ("maskrcnn_resnet50_fpn", [(3, 800, 800)]),
        ("ssd300_vgg16", [(3, 300, 300)]),
        ("ssdlite320_mobilenet_v3_large", [(3, 320, 320)]),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", [(3, 320, 320)]),
    ],
)
def test_the_natural_input_of_torchvision_models(name: str, inputs: list[tuple[int, ...]]) -> None:
    loaded = load(f"torchvision:{name}")
    assert [spec.shape for spec in loaded.default_inputs] == inputs
    assert [spec.listed for spec in loaded.default_inputs] == [len(shape) == 3 for shape in inputs]
    assert loaded.entry is None
    assert loaded.name == f"torchvision:{name}"


@pytest.mark.parametrize(
    "name", ["resnet18", "googlenet", "vit_b_32", "raft_small", "r3d_18", "regnet_x_400mf"]
)
def test_torchvision_models_run_and_say_where_they_were_defined(name: str) -> None:
    loaded = load(f"torchvision:{name}")
    built = loaded.build()
    assert built.device == ("parameters" if name.startswith("regnet") else "meta")
    assert not built.module.training
    modules = [path for path, _ in built.module.named_modules() if path]
    assert len(built.definitions) >= 0.9 * len(modules)
    span = next(iter(built.definitions.values()))
    assert "torchvision" in span.file
    runs_on_meta(loaded)


def test_a_detector_gets_its_pictures_in_a_list() -> None:
    loaded = load("torchvision:ssdlite320_mobilenet_v3_large")
    args, _ = make_inputs(loaded.default_inputs, torch.nn.Identity(), device="meta")
    assert isinstance(args[0], list)
    assert [tuple(image.shape) for image in args[0]] == [(3, 320, 320)]
    assert loaded.fitted((InputSpec((3, 480, 640)),)) == (InputSpec((3, 480, 640), listed=True),)


def test_arguments_reach_the_builder() -> None:
    loaded = load("torchvision:vit_b_16(image_size=32, num_classes=5)")
    assert loaded.default_inputs == (InputSpec((1, 3, 32, 32)),)
    module = runs_on_meta(loaded)
    assert module.get_parameter("heads.head.weight").shape == (5, 768)
    assert load("torchvision:ResNet18").class_name == "resnet18"


def test_no_torchvision_model_warns_or_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in (
            "googlenet",
            "inception_v3",
            "fcn_resnet50",
            "ssd300_vgg16",
            "fcos_resnet50_fpn",
        ):
            assert load(f"torchvision:{name}").build().device == "meta"


@pytest.mark.slow
@pytest.mark.parametrize("name", torchvision_names())
def test_every_torchvision_model_builds_without_memory(name: str) -> None:
    built = load(f"torchvision:{name}").build()
    assert built.device in ("meta", "parameters")
    assert {parameter.device.type for parameter in built.module.parameters()} == {"meta"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "torchvision:resnet19",
            "torchvision has no model called `resnet19`; did you mean torchvision:resnet18?",
        ),
        (
            "torchvision:qqqqqqq",
            "torchvision has no model called `qqqqqqq`; `shapescope models` lists them",
        ),
        (
            "torchvision:resnet18(10)",
            "torchvision:resnet18(10): write arguments by name: torchvision:resnet18(NAME=VALUE)",
        ),
        (
            "torchvision:resnet18(norm_layer=x)",
            "torchvision:resnet18(norm_layer=x): `x` is not defined here; write a literal",
        ),
        (
            "torchvision:resnet18(weights='DEFAULT')",
            (
                "torchvision:resnet18(weights='DEFAULT'): models are built without weights; leave "
                "`weights` away"
            ),
        ),
    ],
)
def test_what_torchvision_refuses(spec: str, message: str) -> None:
    assert refused(spec) == message


def test_a_wrong_argument_of_a_builder_is_the_constructors_word() -> None:
    with pytest.raises(ShapescopeError) as caught:
        load("torchvision:resnet18(width=3)").build()
    assert caught.value.exit_code == 1
    assert "unexpected keyword argument 'width'" in str(caught.value)


def test_names_without_their_prefix() -> None:
    assert zoo_with("resnet18") == "torchvision:resnet18"
    assert zoo_with("resnet19") is None
    assert zoo_with("no name") is None


@pytest.mark.parametrize(("zoo", "package", "extra"), [
    ("torchvision", "torchvision", "torchvision"),
    ("timm", "timm", "timm"),
    ("hf", "transformers", "hf"),
])  # fmt: skip
def test_a_missing_package_is_named(
    zoo: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    message = (
        f"{package} is not installed; pip install 'shapescope[{extra}]' or pip install {package}"
    )
    assert refused(f"{zoo}:anything") == message


def test_timm_models_by_name() -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    loaded = load("timm:convnext_atto")
    assert loaded.default_inputs == (InputSpec((1, 3, 224, 224)),)
    runs_on_meta(loaded)
    loaded = load("timm:vit_tiny_patch16_224(img_size=32, in_chans=1, num_classes=3)")
    assert loaded.default_inputs == (InputSpec((1, 1, 32, 32)),)
    assert runs_on_meta(loaded).get_parameter("head.weight").shape == (3, 192)
    assert load("timm:resnet18.a1_in1k").build().device == "meta"
    assert refused("timm:resnet19") == (
        "timm has no model called `resnet19`; did you mean timm:resnet18?"
    )
    assert refused("timm:resnet18(pretrained=True)") == (
        "timm:resnet18(pretrained=True): models are built without weights; leave `pretrained` away"
    )


SMALL = "hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64"


@pytest.mark.parametrize(
    ("spec", "class_name", "inputs"),
    [
        (f"hf:BertModel({SMALL})", "BertModel", {"input_ids": (1, 16)}),
        (f"hf:BertConfig({SMALL})", "BertModel", {"input_ids": (1, 16)}),
        (f"hf:bert({SMALL})", "BertModel", {"input_ids": (1, 16)}),
        (f"hf:ViTForImageClassification({SMALL}, image_size=32)", "ViTForImageClassification",
         {"pixel_values": (1, 3, 32, 32)}),
        ("hf:GPT2LMHeadModel(n_embd=32, n_layer=2, n_head=2)", "GPT2LMHeadModel",
         {"input_ids": (1, 16)}),
        ("hf:t5", "T5Model", {"input_ids": (1, 16), "decoder_input_ids": (1, 16)}),
        ("hf:CLIPModel", "CLIPModel",
         {"input_ids": (1, 16), "pixel_values": (1, 3, 224, 224)}),
        ("hf:wav2vec2", "Wav2Vec2Model", {"input_values": (1, 16000)}),
        ("hf:dac", "DacModel", {"input_values": (1, 1, 16000)}),
        ("hf:WhisperModel", "WhisperModel",
         {"input_features": (1, 80, 3000), "decoder_input_ids": (1, 16)}),
        ("hf:videomae", "VideoMAEModel", {"pixel_values": (1, 16, 3, 224, 224)}),
        ("hf:clip_vision_model", "CLIPVisionModel", {"pixel_values": (1, 3, 224, 224)}),
    ],
)  # fmt: skip
def test_architectures_of_transformers(
    spec: str, class_name: str, inputs: dict[str, tuple[int, ...]]
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load(spec)
        assert loaded.class_name == class_name
        assert {spec.name: spec.shape for spec in loaded.default_inputs} == inputs
        module = runs_on_meta(loaded)
    assert {parameter.device.type for parameter in module.parameters()} == {"meta"}
    bounds = {spec.bound for spec in loaded.default_inputs if spec.dtype == "int64"}
    assert all(bound is not None and bound > 1000 for bound in bounds)


def test_a_saved_configuration(in_folder: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    config = {"model_type": "bert", "architectures": ["BertForMaskedLM"], "num_hidden_layers": 1}
    (in_folder / "config.json").write_text(json.dumps(config))
    for spec in ("hf:config.json", "hf:."):
        loaded = load(spec)
        assert loaded.class_name == "BertForMaskedLM"
        layers = loaded.build().module.get_submodule("bert.encoder.layer")
        assert len(list(layers.children())) == 1
    (in_folder / "config.json").write_text("{")
    assert refused("hf:config.json").startswith("config.json is no configuration of a model: ")
    assert refused("hf:none.json") == "none.json does not exist; check the path"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hf:BertModell", "hf has no model called `BertModell`; did you mean hf:BertModel?"),
        (
            "hf:org/some-model",
            (
                "hf:org/some-model: a model of the hub would have to be downloaded; "
                "name its architecture, as in hf:BertModel, or its saved configuration: "
                "hf:folder/config.json"
            ),
        ),
        (
            "hf:BertModel(num_layer=2)",
            (
                "hf:BertModel(num_layer=2): BertConfig has no `num_layer`; did you mean "
                "num_hidden_layers?"
            ),
        ),
        (
            "hf:PreTrainedModel",
            "hf:PreTrainedModel: `PreTrainedModel` is abstract; name an architecture",
        ),
    ],
)
def test_what_transformers_refuses(spec: str, message: str) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert refused(spec) == message

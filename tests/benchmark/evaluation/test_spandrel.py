"""Weights that spandrel opens, scored as any method."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.evaluation.predictions import evaluate_predictions
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from benchmark.evaluation.spandrel import evaluate_spandrel, open_network
from benchmark.metrics.score import to_uint8
from benchmark.results.files import read, write
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.files import file_sha256

pytest.importorskip("spandrel")
from spandrel.architectures.Compact import Compact
from spandrel.architectures.SwinIR import SwinIR

SETTING = Setting("folder-x8@1")


def _compact(scale: int = 8, channels: int = 3) -> nn.Module:
    """A small network whose random weights give an image of some contrast."""
    torch.manual_seed(0)
    net = Compact(num_in_ch=channels, num_out_ch=channels, num_feat=8, num_conv=2, upscale=scale)
    return net.eval()


@pytest.fixture(params=[".pth", ".safetensors"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"x8{request.param}"
    state = _compact().state_dict()
    if request.param == ".pth":
        torch.save({"params_ema": state}, path)
    else:
        save_file(state, path)
    return path


@torch.no_grad()
def test_pixels_are_those_of_the_network_itself(file: Path):
    lr = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    network = open_network(file)
    expected = torch.cat([_compact()(face[None]) for face in lr]).clamp(0, 1)
    assert expected.std() > 0.1
    assert torch.equal(network.model(lr, torch.zeros(3, 0, 3, 128, 128)), expected)
    assert network.architecture == "RealESRGAN Compact"


def test_the_result_says_what_was_scored(tiny_face_ref: Path, file: Path, tmp_path: Path):
    found = evaluate_spandrel(FaceRef.open(tiny_face_ref), file, "mine", SETTING)
    back = read(write(found, tmp_path / "results"))
    assert back.weights == {
        "architecture": "RealESRGAN Compact",
        "file": file.name,
        "sha256": file_sha256(file),
    }
    assert (back.title, back.budget, back.training, back.references) == ("mine", None, None, 0)
    net = _compact()
    assert back.parameters == sum(value.numel() for value in net.parameters())
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    assert back.macs == sum(layer.weight.numel() * 16 * 16 for layer in convolutions)
    assert back.milliseconds
    assert "spandrel" in back.versions


@torch.no_grad()
def test_scores_are_those_of_its_images(tiny_face_ref: Path, file: Path, tmp_path: Path):
    from PIL import Image

    faces = read_faces(FaceRef.open(tiny_face_ref), SETTING)
    lr = faces.batch(range(6), 0)[0]
    for image_id, image in zip(faces.image_ids, lr, strict=True):
        path = tmp_path / "out" / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        output = to_uint8(_compact()(image[None]).clamp(0, 1).numpy())[0]
        Image.fromarray(np.ascontiguousarray(output)).save(path)
    images = evaluate_predictions(FaceRef.open(tiny_face_ref), tmp_path / "out", "mine", SETTING)
    assert (
        evaluate_spandrel(FaceRef.open(tiny_face_ref), file, "mine", SETTING).scores
        == images.scores
    )


@torch.no_grad()
def test_a_transformer_whose_window_does_not_fit_gives_the_right_size(tmp_path: Path):
    torch.manual_seed(0)
    net = SwinIR(
        img_size=14, embed_dim=12, depths=[2], num_heads=[2], window_size=7, mlp_ratio=2,
        upsampler="pixelshuffledirect", upscale=8,
    )  # fmt: skip
    save_file(net.state_dict(), tmp_path / "swin.safetensors")
    network = open_network(tmp_path / "swin.safetensors")
    assert network.architecture == "SwinIR"
    assert network.model(torch.rand(2, 3, 16, 16), torch.zeros(2, 0)).shape == (2, 3, 128, 128)


def test_half_precision_weights_are_computed_in_float32(tmp_path: Path):
    path = tmp_path / "half.safetensors"
    save_file({key: value.half() for key, value in _compact().state_dict().items()}, path)
    assert {value.dtype for value in open_network(path).model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("scale", "channels", "expected"),
    [
        (4, 3, r"RealESRGAN Compact x4, expected x8: 16x16 to 128x128\. .*--predictions DIR"),
        (1, 3, "x1, expected x8"),
        (8, 1, "with 1 channels in and 1 out, expected 3 and 3"),
    ],
)
def test_another_scale_or_colour_is_refused(
    tmp_path: Path, scale: int, channels: int, expected: str
):
    save_file(_compact(scale, channels).state_dict(), tmp_path / "net.safetensors")
    with pytest.raises(FaceRefError, match=expected):
        open_network(tmp_path / "net.safetensors")


@pytest.mark.parametrize("file", [".pth"], indirect=True)
def test_a_network_that_cannot_take_a_small_face_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Compact, "forward", lambda self, x: x)
    with pytest.raises(FaceRefError, match=r"makes \(1, 3, 16, 16\) of 16x16 pixels, expected"):
        open_network(file)
    monkeypatch.setattr(Compact, "forward", lambda self, x: x.view(3, 3))
    with pytest.raises(FaceRefError, match=r"fails on 16x16 pixels \(RuntimeError: shape"):
        open_network(file)


class Harmful:
    """Unpickled without care, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_file_that_would_run_code_is_not_opened(tmp_path: Path):
    torch.save({"a": Harmful(tmp_path / "harm")}, tmp_path / "x8.pth")
    with pytest.raises(FaceRefError, match=r"not opened, since that could run code.*safetensors"):
        open_network(tmp_path / "x8.pth")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_file_is_named(tmp_path: Path, suffix: str):
    path = tmp_path / f"x8{suffix}"
    torch.save(_compact().state_dict(), path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(FaceRefError, match=f"x8{suffix} is .*Get it again"):
        open_network(path)


def test_files_that_are_no_weights(tmp_path: Path):
    with pytest.raises(FaceRefError, match=r"weights end in \.safetensors or \.pth"):
        open_network(tmp_path / "x8.onnx")
    with pytest.raises(FaceRefError, match="No file of weights"):
        open_network(tmp_path / "x8.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(FaceRefError, match="holds a list"):
        open_network(tmp_path / "list.pth")
    save_file({"some.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(FaceRefError, match="knows no architecture with these weights"):
        open_network(tmp_path / "other.safetensors")
    state = _compact().state_dict()
    del state["body.2.weight"]
    save_file(state, tmp_path / "part.safetensors")
    with pytest.raises(FaceRefError, match="Are they whole"):
        open_network(tmp_path / "part.safetensors")


def test_without_spandrel_the_way_out_is_said(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(FaceRefError, match=r"pip install 'face-ref\[spandrel\]'"):
        open_network(file)


def test_the_command_scores_a_file(tiny_face_ref: Path, file: Path, tmp_path: Path):
    out = tmp_path / "results"
    arguments = ["evaluate", str(tiny_face_ref), "--name", "mine", "--spandrel", str(file)]
    found = CliRunner().invoke(app, [*arguments, "--results", str(out)])
    assert found.exit_code == 0, found.output
    assert read(out / "folder-x8@1" / "mine" / "untrained.json").images == 6
    found = CliRunner().invoke(app, [*arguments, "--weights", str(tmp_path)])
    assert found.exit_code == 1
    assert "--weights and --spandrel do not go together" in found.output

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.methods.model import Model
from benchmark.methods.registry import load_method
from benchmark.methods.resample import upsample
from benchmark.protocol.degradation import degrade
from benchmark.training.export import export_weights, load_model, open_weights
from benchmark.training.run import Run, save
from benchmark.upscaling.faces import Face, FaceUpscaler, NoFaceError, upscale_crop, upscale_photo
from benchmark.upscaling.images import NOTICE
from benchmark.upscaling.networks import LIMITS, open_networks
from benchmark.upscaling.paste import upsample_image
from faceref.dataset.face_ref import FaceRef
from faceref.embed.base import Detection
from faceref.errors import FaceRefError
from faceref.files import file_sha256, write_json
from faceref.mining.gallery import Gallery
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from tests.benchmark.upscaling.points import points_of
from tests.faceref.fakes import PlainEmbedder, face_image, write_people


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("upscale")
    write_people(root / "people")
    recipe = Recipe(Mining(references=4), SplitRule(0.2, 0.2))
    build(folder(root / "people"), PlainEmbedder(), root / "set", recipe)
    return root


@pytest.fixture(scope="module")
def run(root: Path) -> Path:
    """A training of MSRNet that never happened: seeded weights."""
    torch.manual_seed(0)
    run = Run(root / "run")
    run.prepare()
    save(load_method("msrnet").build().state_dict(), run.best)
    report = {
        "method": "msrnet", "budget": {"name": "debug"}, "seed": 0, "data_revision": "x",
        "val_psnr_y": 20.0, "best_step": 1, "weights_sha256": file_sha256(run.best),
    }  # fmt: skip
    write_json(run.report, report)
    return run.root


@pytest.fixture(scope="module")
def upscaler(root: Path, run: Path) -> FaceUpscaler:
    return _upscaler(root, load_model(run), 3)


def _upscaler(root: Path, model: nn.Module, count: int) -> FaceUpscaler:
    device = torch.device("cpu")
    return FaceUpscaler(open_networks([model], count, device), Gallery(root / "set"), device)


class Finder(PlainEmbedder):
    """Knows where the faces are."""

    def __init__(self, points: list[np.ndarray]) -> None:
        super().__init__()
        self.points = points

    def detect(self, image: np.ndarray) -> list[Detection]:
        return [Detection((0, 0, 1, 1), 0.9, points.astype(np.float32)) for points in self.points]


def test_references_are_those_of_the_set(root: Path):
    face_ref = FaceRef.open(root / "set")
    small = np.stack([degrade(face) for face in face_ref.images("test")])
    found = Gallery(root / "set").find(small, 1)
    listed = [row[0] for row in face_ref.column("test", "refs_lr")]
    assert [one[0].image_id for one in found] == [item["image_id"] for item in listed]
    assert [one[0].score for one in found] == pytest.approx(
        [item["score"] for item in listed], abs=2e-4
    )


def test_each_face_is_enlarged_on_its_own(upscaler: FaceUpscaler):
    faces = [Face((), 16, face_image(person, 5).astype(np.float32)) for person in range(3)]
    together = upscaler.faces(upscaler.networks[8], faces)
    turned = upscaler.faces(upscaler.networks[8], faces[::-1])[::-1]
    for one, other in zip(together, turned, strict=True):
        assert one.super_resolved is not None
        assert other.super_resolved is not None
        assert np.abs(one.super_resolved.astype(int) - other.super_resolved).max() <= 1
        assert [each.image_id for each in one.references] == [
            each.image_id for each in other.references
        ]
        assert one.relevance is not None
        assert one.relevance.shape == (3, 32, 32)


def test_small_faces_are_laid_in_and_large_ones_left_alone(upscaler: FaceUpscaler):
    image = cv2.resize(face_image(1, 0), (300, 300), interpolation=cv2.INTER_CUBIC)
    finder = Finder([points_of(200, 60, 60), points_of(24, 20, 30), points_of(40, 200, 30)])
    result, faces = upscale_photo(image, upscaler, finder, 2)
    assert result.shape == (600, 600, 3)
    assert [face.scale for face in faces] == [None, 8, None]
    assert [face.left_alone for face in faces] == [
        "200 px: sharp already", None, "40 px: needs weights for x4",
    ]  # fmt: skip
    assert [face.size for face in faces] == pytest.approx([200, 24, 40])
    changed = (result != upsample_image(image, 2)).any(-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min() >= 50, rows.max() <= 120, columns.max() <= 100) == (True, True, True)
    report = faces[1].report()
    assert (report["size"], report["scale"], report["left_alone"]) == (24.0, 8, None)


def test_all_faces_of_a_photograph_go_through_a_network_together(root: Path):
    seen: list[int] = []

    class Counted(nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            seen.append(len(lr))
            return upsample(lr, 8)

    image = np.full((200, 200, 3), 90, np.uint8)
    points = [points_of(20, 24 * column, 24 * row) for row in range(5) for column in range(5)]
    upscale_photo(image, _upscaler(root, Counted(), 0), Finder(points), 4)
    assert seen == [16, 9]


@pytest.mark.case("B6")
def test_a_crop_never_loses_pixels(upscaler: FaceUpscaler):
    face = face_image(2, 0)
    for side, expected in ((16, 128), (24, 128), (100, 128), (512, 512)):
        crop = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
        result, (found,) = upscale_crop(crop, upscaler)
        assert result.shape == (expected, expected, 3)
        small = Image.fromarray(result).resize((side, side), Image.Resampling.BICUBIC)
        error = np.abs(np.asarray(small).astype(int) - crop)
        if side <= LIMITS[8]:
            assert found.scale == 8
            assert (error.mean() < 0.5, error.max() <= 2) == (True, True)
        else:
            why = "needs weights for x4" if side <= LIMITS[4] else "sharp already"
            assert found.left_alone == f"{side} px: {why}"
    assert np.array_equal(result, crop)
    with pytest.raises(FaceRefError, match=r"must be square.*20x10"):
        upscale_crop(np.zeros((10, 20, 3), np.uint8), upscaler)


def test_no_face_and_too_large_an_image_are_errors(upscaler: FaceUpscaler):
    image = face_image(0, 0)
    with pytest.raises(NoFaceError, match=r"no face found in 128x128 pixels"):
        upscale_photo(image, upscaler, Finder([]), 4)
    with pytest.raises(FaceRefError, match=r"smaller image or scale"):
        upscale_photo(np.zeros((4000, 4000, 3), np.uint8), upscaler, Finder([]), 4)


def test_released_weights_come_back_and_tampering_is_seen(run: Path, tmp_path: Path):
    path = export_weights(run, tmp_path / "msrnet.safetensors")
    opened, trained = open_weights(path), open_weights(run)
    assert opened.method.name == "msrnet"
    for name, value in trained.model.state_dict().items():
        assert torch.equal(opened.model.state_dict()[name], value)
    with pytest.raises(FaceRefError, match=r"end in \.safetensors"):
        export_weights(run, tmp_path / "msrnet.pt")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FaceRefError, match="damaged or was replaced"):
        open_weights(path)
    with pytest.raises(FaceRefError, match="No weights at"):
        open_weights(tmp_path / "none.safetensors")


def test_the_command_enlarges_a_folder_and_reports_it(root: Path, run: Path, tmp_path: Path):
    crops = tmp_path / "crops"
    crops.mkdir()
    Image.fromarray(degrade(face_image(4, 1))).save(crops / "a.png")
    given = ["upscale", str(crops), "--face-ref", str(root / "set"), "--weights", str(run)]
    given += ["--aligned", "--explain", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert NOTICE in done.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["notice"] == NOTICE
    assert [file["input"] for file in report["files"]] == ["a.png"]
    assert len(report["files"][0]["faces"][0]["references"]) == 5
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.size == (128, 128)
        assert image.info["Comment"] == NOTICE
    assert (tmp_path / "out" / "a-explained" / "faces.png").is_file()


def test_methods_without_references_need_none(root: Path):
    method = load_method("bicubic")
    model = Model(method, method.build())
    _, (face,) = upscale_crop(degrade(face_image(2, 0)), _upscaler(root, model, 5))
    assert (face.references, face.relevance) == ([], None)

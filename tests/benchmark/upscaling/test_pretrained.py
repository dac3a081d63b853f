"""What comes with the package super-resolves a photograph: no path, no network, no file at home."""

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import benchmark
from benchmark.cli.app import app
from benchmark.training.export import PACKAGED, open_weights, pretrained, training_report
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.images import thumbnail
from faceref.mining.gallery import Gallery
from faceref.reading.image import decode
from faceref.sources.sample import HELD_OUT, sample, sample_pool

ROOT = Path(__file__).parents[3]
MOST_BYTES = 10_000_000


def _photo(path: Path, sides: tuple[int, ...]) -> Path:
    """A photograph of people of the sample who are no references, `sides` pixels each."""
    chosen = [one for one in sample().records if one.identity in HELD_OUT][:: len(HELD_OUT) // 2]
    image = np.random.default_rng(0).normal(128, 4, (240, 320, 3)).clip(0, 255).astype(np.uint8)
    for place, (record, side) in enumerate(zip(chosen, sides, strict=False)):
        assert record.data is not None
        face = Image.fromarray(decode(record.data).pixels).resize((side, side))
        left = 20 + 100 * place
        image[60 : 60 + side, left : left + side] = np.asarray(face)
    Image.fromarray(image).save(path)
    return path


def _refuse(*given: Any) -> None:
    raise OSError("a connection was tried")


@pytest.mark.parametrize(("options", "count"), [((), 0), (("--count", "5"), 5)])
def test_the_command_needs_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], count: int
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    photo = _photo(Path("photo.png"), (28, 40, 64))
    done = CliRunner().invoke(app, ["upscale", str(photo), *options])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "upscaled"]
    with Image.open("upscaled/photo.png") as image:
        assert image.size == (1280, 960)
    report = json.loads(Path("upscaled/report.json").read_text())
    (file,) = report["files"]
    assert [face["scale"] for face in sorted(file["faces"], key=lambda one: one["size"])] == [
        8,
        4,
        4,
    ]
    assert report["faces_found_by"]["name"] == "dlib"
    given = {one["image_id"] for face in file["faces"] for one in face["references"]}
    assert len(given) == count
    assert not {image_id.split("/")[0] for image_id in given} & HELD_OUT


def test_each_default_is_overridden_on_its_own(tiny_build: Path, tmp_path: Path):
    opened = benchmark.Upscaler.from_pretrained(tiny_build, count=2, aligned=True)
    assert opened.embedder is None
    assert {scale: one.count for scale, one in opened.face_upscaler.networks.items()} == {
        8: 2,
        4: 0,
    }
    names = set(benchmark.Upscaler("bicubic", aligned=True).face_upscaler.gallery._ids)
    assert names == set(sample_pool()[0])
    with pytest.raises(FaceRefError, match="none-such"):
        benchmark.Upscaler.from_pretrained(pack=str(tmp_path / "none-such"))
    with pytest.raises(FaceRefError, match="for the embedder 'insightface'"):
        benchmark.Upscaler.from_pretrained(embedder="dlib", pack="buffalo_l")


@pytest.mark.parametrize(
    ("model", "count", "opened"), [("bicubic", None, 0), ("", 0, 0), ("", 2, 1)]
)
def test_references_are_read_only_where_a_network_is_given_any(
    tiny_build: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    count: int | None,
    opened: int,
):
    read: list[object] = []
    real = Gallery.__init__

    def watch(self: Gallery, *rest: object) -> None:
        read.append(rest)
        real(self, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Gallery, "__init__", watch)
    upscaler = benchmark.Upscaler(model or pretrained(), tiny_build, count=count, aligned=True)
    face = upscaler(FaceRef.open(tiny_build).images("test")[0]).faces[0]
    assert face.super_resolved is not None or face.left_alone
    assert len(read) == opened


def test_a_count_out_of_range_is_named():
    with pytest.raises(FaceRefError, match="--count 99: a whole number, from 0 to 64"):
        benchmark.Upscaler("bicubic", count=99)


def test_given_networks_replace_those_of_their_scale():
    for given in ("bicubic", ["bicubic"]):
        opened = benchmark.Upscaler.from_pretrained(models=given, aligned=True)
        used = {one["scale"]: one["method"] for one in opened.provenance()["networks"]}
        assert used[8] == "bicubic"
        assert used[4] not in ("bicubic", None)
        assert opened.provenance()["face_ref"] is None


def test_an_array_that_is_no_image_is_refused():
    opened = benchmark.Upscaler("bicubic", aligned=True)
    for array in (np.zeros((16, 16, 3)), np.zeros((16, 16), np.uint8)):
        with pytest.raises(FaceRefError, match=r"give uint8 RGB \(H, W, 3\)"):
            opened(array)


def test_the_weights_of_the_package_are_the_exported_ones_in_half_precision():
    files = sorted(PACKAGED.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    for path in files:
        full = ROOT / "weights" / path.relative_to(PACKAGED)
        kept, wanted = (open_weights(one).model.state_dict() for one in (path, full))
        assert kept.keys() == wanted.keys()
        for name, value in wanted.items():
            assert kept[name].dtype == value.dtype
            assert torch.equal(kept[name], value.half().to(value.dtype)), name
        assert path.name in (PACKAGED / "README.md").read_text(encoding="utf-8")
    assert [model.scale for model in pretrained()] == [4, 8]


def test_weights_in_half_precision_are_scored_under_no_name_of_others():
    for path in PACKAGED.rglob("*.safetensors"):
        with pytest.raises(FaceRefError, match="does not hold the report of its training"):
            training_report(path)


@pytest.mark.slow
def test_the_pool_of_the_sample_is_the_train_faces_of_its_set(sample_build: Path):
    ids, faces = sample_pool()
    built = FaceRef.open(sample_build / "face_ref")
    assert sorted(built.column("train", "image_id")) == ids
    made = dict(zip(built.column("train", "image_id"), built.images("train"), strict=True))
    apart = [
        np.abs(made[image_id] - face.astype(float)).mean()
        for image_id, face in zip(ids, faces, strict=True)
    ]
    assert np.median(apart) < 15  # Of two people: 41. dlib puts the eyes a little elsewhere.


def test_the_pool_of_the_sample_is_searched_as_that_of_a_set():
    ids, faces = sample_pool()
    assert (len(ids), faces.shape) == (318, (318, 128, 128, 3))
    assert not {image_id.split("/")[0] for image_id in ids} & HELD_OUT
    (found,) = Gallery().find(thumbnail(faces[7])[None], 2)
    assert (found[0].image_id, found[0].score) == (ids[7], pytest.approx(1))
    assert np.array_equal(found[0].image, faces[7])

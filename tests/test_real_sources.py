"""Sources on real photographs: LFW, and CelebA's layout made from real CelebA faces."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from faceref.dataset.face_ref import FaceRef
from faceref.embed.align import ARCFACE
from faceref.embed.base import Embedder
from faceref.embed.registry import open_embedder
from faceref.pipeline.build import build, stages
from faceref.pipeline.recipe import Recipe
from faceref.sources.base import Choices
from faceref.sources.celeba import IDENTITY, NAME, PUBLISHED, Published, celeba, survey
from faceref.sources.lfw import lfw
from faceref.sources.registry import check_source
from faceref.sources.text_table import read_rows
from tests.faceref.layouts import Face, write_celeba

pytestmark = pytest.mark.real
PEOPLE = 40
PARTITIONS = {"train": 0, "valid": 1, "val": 1, "test": 2}


@pytest.fixture(scope="module")
def embedder(real_data: Path) -> Embedder:
    pack = real_data / "models" / "arcface_small"
    return open_embedder("insightface", pack=str(pack), det_size=128)


@pytest.fixture(scope="module")
def copy(
    real_data: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Published]:
    root = tmp_path_factory.mktemp("real") / "celeba"
    return root, write_real_celeba(real_data, embedder, root)


def write_real_celeba(real_data: Path, embedder: Embedder, root: Path) -> Published:
    """A zipped CelebA of 40 people: real faces, tight crops, with landmarks of the detector."""
    crops = real_data / "data" / "celeba-wild-128"
    with (crops / "manifest.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["path"].rpartition("/")[2])
    people = sorted({row["identity"] for row in rows})[:PEOPLE]
    given = []
    for row in (row for row in rows if row["identity"] in people):
        image = (crops / row["path"]).read_bytes()
        record = stages.read(stages.Record("x", "celeba", "x", data=image))
        assert record.pixels is not None
        if found := embedder.detect(record.pixels):
            best = max(found, key=lambda face: face.score)
            partition = PARTITIONS[row["celeba_partition"]]
            given.append(Face(image, int(row["identity"]), best.landmarks, partition))
    return write_celeba(root, given, zipped=True)


def test_faces_from_given_landmarks_lie_in_the_frame(
    copy: tuple[Path, Published], embedder: Embedder, tmp_path: Path
):
    root, published = copy
    source = celeba(Choices(root), published)
    assert len(source.records) == published.images > 500
    build(source, embedder, tmp_path / "out", Recipe())
    face_ref = FaceRef.open(tmp_path / "out")
    offsets = [
        np.abs(found[0].landmarks - ARCFACE.template).mean()
        for image in face_ref.images("test")
        if (found := embedder.detect(image))
    ]
    assert len(offsets) >= 0.9 * face_ref.count("test")
    assert np.median(offsets) < 3
    assert face_ref.manifest["similarity"]["refs_hr"]["0.5"] > 0.2


def test_of_two_people_the_one_with_the_given_landmarks_is_taken(
    copy: tuple[Path, Published], embedder: Embedder
):
    root, published = copy
    records = celeba(Choices(root), published).records
    large, small = (stages.read(record) for record in (records[0], records[3]))
    assert large.pixels is not None
    assert small.pixels is not None
    assert small.landmarks is not None
    both = np.zeros((256, 384, 3), np.uint8)
    both[:, :256] = np.repeat(np.repeat(large.pixels, 2, 0), 2, 1)
    both[64:192, 256:] = small.pixels
    place = stages.find_face(embedder)
    points = (small.landmarks + np.array([256, 64])).astype(np.float32)
    given = place(small.having(pixels=both, landmarks=points))
    detected = place(small.having(pixels=both, landmarks=None))
    own = place(small)
    assert given.face is not None
    assert detected.face is not None
    assert own.face is not None
    vectors = embedder.embed(np.stack([own.face, given.face, detected.face]))
    assert vectors[0] @ vectors[1] > 0.8
    assert vectors[0] @ vectors[2] < 0.4


def test_the_whole_identity_file_passes_its_sum_in_spite_of_a_header(
    real_data: Path, tmp_path: Path
):
    file = real_data / "data" / IDENTITY
    rows = read_rows(file, 1, NAME)
    assert (len(rows.names), len(np.unique(rows.values))) == (PUBLISHED.images, PUBLISHED.people)
    assert (rows.names[-1], rows.values[-1, 0]) == ("202599.jpg", 10101)
    (tmp_path / "img_align_celeba").mkdir()
    shutil.copy(file, tmp_path)
    found = survey(Choices(tmp_path)).inventory
    assert found.faults == ()
    assert "0 of 202,599 images; missing: 000001.jpg" in found.text()
    text = file.read_text().replace("000002.jpg 2937", "000002.jpg 2938")
    (tmp_path / IDENTITY).write_text(text)
    (fault,) = survey(Choices(tmp_path)).inventory.faults
    assert "has MD5" in fault


def test_lfw_is_complete_and_its_landmarks_agree_with_a_detector(
    real_data: Path, embedder: Embedder
):
    points = real_data / "data" / "lfw_landmarks_scrfd.csv"
    place = real_data / "data" / "lfw-deepfunneled"
    assert check_source("lfw", place).complete
    source = lfw(Choices(place, landmarks=points))
    assert len(source.records) == 13_233
    finder = stages.find_face(embedder)
    offsets = []
    for record in map(stages.read, source.records[::700]):
        assert record.landmarks is not None
        detected = finder(record.having(landmarks=None))
        if detected.landmarks is not None:
            offsets.append(np.abs(detected.landmarks - record.landmarks).mean())
    assert len(offsets) >= 15
    assert np.median(offsets) < 4

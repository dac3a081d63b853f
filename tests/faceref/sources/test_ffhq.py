from pathlib import Path

import numpy as np
import pytest

from faceref.embed.align import ARCFACE
from faceref.errors import FaceRefError
from faceref.sources.base import Choices
from faceref.sources.ffhq import Published, ffhq, survey
from tests.faceref.fakes import face_image
from tests.faceref.layouts import md5_of, write_ffhq

Copy = tuple[Path, Published]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    images = [face_image(person, 0) for person in range(8)]
    return tmp_path, write_ffhq(tmp_path, images, [ARCFACE.template] * 8)


def test_credit_partition_and_scaled_landmarks(copy: Copy):
    root, published = copy
    source = ffhq(Choices(root), published)
    assert [record.partition for record in source.records] == ["train"] * 7 + ["val"]
    third = source.records[2]
    assert third.credit is not None
    assert (third.credit["author"], third.credit["licence"]) == ("Author 2", "Attribution License")
    assert third.credit["title"] == 'Ada, "the first"'
    assert third.landmarks is not None
    assert np.allclose(third.landmarks, ARCFACE.template, atol=1e-3)


def test_nobody_says_who_is_shown(copy: Copy):
    root, published = copy
    source = ffhq(Choices(root), published)
    assert source.labelled is False
    assert [record.identity for record in source.records[:2]] == ["00000", "00001"]


def test_missing_images_are_named(copy: Copy):
    root, published = copy
    (root / "thumbnails128x128" / "00000" / "00004.png").unlink()
    with pytest.raises(FaceRefError, match=r"7 of 8 images; missing: 00004.*--partial"):
        ffhq(Choices(root), published)
    source = ffhq(Choices(root, partial=True), published)
    assert len(source.records) == 7
    assert source.partial


def test_a_file_that_was_cut_is_found_by_its_size(copy: Copy):
    root, published = copy
    path = root / "thumbnails128x128" / "00000" / "00004.png"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FaceRefError, match=r"1 images differ in size .*00004"):
        ffhq(Choices(root, partial=True), published)


def test_without_the_json_nothing_is_read(copy: Copy):
    root, published = copy
    (root / "ffhq-dataset-v2.json").unlink()
    with pytest.raises(FaceRefError, match=r"author and licence of each image"):
        ffhq(Choices(root, partial=True), published)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"author"', '"artist"'),
        lambda text: text.replace('"training"', '"other"'),
        lambda text: "[]",
        lambda text: "",
    ],
    ids=["cut", "no author", "unknown part", "a list", "empty"],
)
def test_a_damaged_json(copy: Copy, edit):
    root, published = copy
    path = root / "ffhq-dataset-v2.json"
    path.write_text(edit(path.read_text()))
    with pytest.raises(
        FaceRefError, match=r"not the json of FFHQ version 2|is empty: it has 0 bytes"
    ):
        ffhq(Choices(root, checksums=False), published)


def test_another_json_is_refused_by_its_sum(copy: Copy):
    root, published = copy
    path = root / "ffhq-dataset-v2.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(FaceRefError, match=f"has MD5 {md5_of(path)}"):
        ffhq(Choices(root), published)
    assert survey(Choices(root, checksums=False), published).inventory.complete


def test_other_image_sets(copy: Copy):
    root, published = copy
    with pytest.raises(FaceRefError, match="No images1024x1024 in"):
        ffhq(Choices(root, images="images1024x1024"), published)
    with pytest.raises(FaceRefError, match="Unknown --images of FFHQ"):
        ffhq(Choices(root, images="256"), published)


def test_a_flat_folder(copy: Copy):
    root, published = copy
    for path in (root / "thumbnails128x128" / "00000").iterdir():
        path.rename(root / "thumbnails128x128" / path.name)
    assert survey(Choices(root), published).inventory.complete

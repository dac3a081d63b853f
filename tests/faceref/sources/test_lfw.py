import tarfile
from pathlib import Path

import numpy as np
import pytest

from faceref.errors import FaceRefError
from faceref.sources.base import Choices
from faceref.sources.folder import folder
from faceref.sources.lfw import COLUMNS, Published, lfw, read_landmarks
from tests.faceref.fakes import face_image
from tests.faceref.layouts import encoded, md5_of

PUBLISHED = Published(6, 3, {})
PEOPLE = {"Ada_Lovelace": 1, "Grace_Hopper": 3, "Mary_Somerville": 2}


def _write(root: Path) -> Path:
    for person, (name, images) in enumerate(PEOPLE.items()):
        (root / name).mkdir(parents=True)
        for shot in range(1, images + 1):
            file = root / name / f"{name}_{shot:04d}.jpg"
            file.write_bytes(encoded(face_image(person, shot)))
    (root / "pairs_01.txt").write_text("not an image")
    return root


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return _write(tmp_path / "lfw_funneled")


def _landmarks(path: Path, names: list[str]) -> Path:
    rows = [f"{name}.jpg," + ",".join(str(value) for value in range(10)) for name in names]
    path.write_text("\n".join([",".join(COLUMNS), *rows]))
    return path


@pytest.mark.parametrize("where", [".", "lfw_funneled"])
def test_people_and_ids_are_those_of_a_folder(copy: Path, where: str):
    source = lfw(Choices(copy.parent / where), PUBLISHED)
    assert [(r.image_id, r.identity, r.path) for r in source.records] == [
        (r.image_id, r.identity, r.path) for r in folder(copy).records
    ]


def test_an_archive_is_read_without_unpacking_it_beside(copy: Path, tmp_path: Path):
    archive = tmp_path / "packed" / "lfw.tgz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as out:
        out.add(copy, "lfw")
    plain = folder(copy).records
    published = Published(6, 3, {"lfw.tgz": md5_of(archive)})
    for place in (archive, archive.parent):
        records = lfw(Choices(place), published).records
        assert [record.image_id for record in records] == [record.image_id for record in plain]
        for packed, loose in zip(records, plain, strict=True):
            assert packed.blob is not None
            assert loose.path is not None
            assert packed.blob.read() == loose.path.read_bytes()
    assert [path.name for path in archive.parent.iterdir()] == ["lfw.tgz"]
    with pytest.raises(FaceRefError, match=r"lfw\.tgz has MD5"):
        lfw(Choices(archive), Published(6, 3, {"lfw.tgz": "0" * 32}))
    archive.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(FaceRefError, match="no whole tar archive"):
        lfw(Choices(archive, checksums=False), published)


def test_a_gap_in_the_numbers_is_named(copy: Path):
    (copy / "Grace_Hopper" / "Grace_Hopper_0002.jpg").unlink()
    with pytest.raises(
        FaceRefError, match=r"5 of 6 images; missing: Grace_Hopper/Grace_Hopper_0002\.jpg"
    ):
        lfw(Choices(copy), PUBLISHED)
    assert lfw(Choices(copy, partial=True), PUBLISHED).partial


def test_landmarks_of_the_list_are_taken(copy: Path, tmp_path: Path):
    names = [record.image_id for record in folder(copy).records]
    points = _landmarks(tmp_path / "points.csv", names)
    records = lfw(Choices(copy, landmarks=points), PUBLISHED).records
    for record in records:
        assert record.landmarks is not None
        assert np.array_equal(record.landmarks, np.arange(10, dtype=np.float32).reshape(5, 2))


def test_an_image_without_landmarks_is_named(copy: Path, tmp_path: Path):
    names = [record.image_id for record in folder(copy).records]
    points = _landmarks(tmp_path / "points.csv", names[1:])
    with pytest.raises(FaceRefError, match=f"5 of 6 landmarks of images; missing: {names[0]}"):
        lfw(Choices(copy, landmarks=points), PUBLISHED)
    source = lfw(Choices(copy, landmarks=points, partial=True), PUBLISHED)
    assert source.manifest()["landmarks"] == {"given": 5, "to_detect": 1}


def test_landmarks_name_the_missing_images(copy: Path, tmp_path: Path):
    names = [record.image_id for record in folder(copy).records]
    points = _landmarks(tmp_path / "points.csv", names)
    (copy / "Mary_Somerville" / "Mary_Somerville_0002.jpg").unlink()
    with pytest.raises(FaceRefError, match="missing: Mary_Somerville/Mary_Somerville_0002"):
        lfw(Choices(copy, landmarks=points), PUBLISHED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,x0\na,1\n", "no column 'y0'"),
        (",".join(COLUMNS) + "\nA/A_0001.jpg" + ",x" * 10, r"line 2: x0 is 'x', which is no place"),
        (
            ",".join(COLUMNS) + "\nA/A_0001.jpg" + ",nan" * 10,
            r"line 2: x0 is 'nan', which is no place",
        ),
        (",".join(COLUMNS) + "\nA/A_0001.jpg,9,0,1,0,2,2,1,3,9,3", "left eye lies right"),
    ],
)
def test_landmarks_that_cannot_be_used(copy: Path, tmp_path: Path, text: str, message: str):
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(FaceRefError, match=message):
        lfw(Choices(copy, landmarks=tmp_path / "points.csv"), PUBLISHED)


def test_a_folder_without_lfw(tmp_path: Path):
    with pytest.raises(FaceRefError, match="No image of LFW"):
        lfw(Choices(tmp_path))
    with pytest.raises(FaceRefError, match="Nothing at"):
        lfw(Choices(tmp_path / "gone"))


@pytest.mark.case("C19")
@pytest.mark.parametrize("value", ["nan", "inf", "-1e9", "100000", "", "x"])
def test_a_landmark_that_is_no_place_names_file_line_and_value(tmp_path: Path, value: str):
    path = tmp_path / "points.csv"
    rows = ["A/A_0001.jpg,1,2,9,2,5,5,2,9,8,9", f"A/A_0002.jpg,1,2,9,{value},5,5,2,9,8,9"]
    path.write_text("\n".join([",".join(COLUMNS), *rows]))
    with pytest.raises(FaceRefError) as caught:
        read_landmarks(path)
    assert f"{path}, line 3: y1 is {value!r}, which is no place in an image" in str(caught.value)


@pytest.mark.case("F a byte order mark in lists of ids, landmarks, JSON")
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_landmarks_with_a_byte_order_mark_and_semicolons(tmp_path: Path, encoding: str):
    path = tmp_path / "points.csv"
    text = "\r\n".join([";".join(COLUMNS), "Zoë/Zoë_0001.jpg;1;2;9;2;5;5;2;9;8;9", ""])
    path.write_text(text, encoding, newline="")
    assert read_landmarks(path)["Zoë/Zoë_0001"].tolist()[1] == [9, 2]

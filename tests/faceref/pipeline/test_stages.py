import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref.embed.align import ARCFACE, DLIB
from faceref.embed.base import Detection
from faceref.errors import VanishedError
from faceref.pipeline import stages
from faceref.record import Quality, Record


def _record(data: bytes | None = None, path: Path | None = None) -> Record:
    return Record("a/1", "folder", "a", path=path, data=data)


def _encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_read_gives_upright_rgb_and_the_hash_of_the_file(tmp_path: Path):
    image = Image.new("L", (4, 2), 7)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    path.write_bytes(_encoded(image, exif=exif))
    record = stages.read(_record(path=path))
    assert record.pixels is not None
    assert record.pixels.shape == (4, 2, 3)
    assert len(record.sha256) == 64


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "data",
    [b"", b"not an image", _encoded(Image.fromarray(NOISE))[:3000]],
    ids=["empty", "text", "truncated"],
)
def test_what_cannot_be_read_is_rejected(data: bytes):
    record = stages.read(_record(data))
    assert record.reject is not None
    assert record.reject.startswith("unreadable")


def test_a_file_that_is_gone_is_no_bad_image_but_a_source_that_vanished(tmp_path: Path):
    record = _record(path=tmp_path / "gone.jpg")
    (tmp_path / "other.jpg").touch()
    assert stages.read(record).reject == "unreadable: cannot be read (No such file or directory)"
    (tmp_path / "other.jpg").unlink()
    with pytest.raises(VanishedError, match=r"gone\.jpg was there when the source was listed"):
        stages.read(record)


class _Finder:
    scheme = ARCFACE
    batch_size = 8
    det_size = None

    def finest(self, _: int) -> float:
        return 1.0

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.boxes = boxes

    def detect(self, image: np.ndarray) -> list[Detection]:
        return [Detection(box, 0.9, ARCFACE.template + np.float32(box[0])) for box in self.boxes]

    def embed(self, faces: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def provenance(self) -> dict:
        return {}


def test_no_face_is_rejected():
    record = _record().having(pixels=np.zeros((50, 50, 3), np.uint8))
    assert stages.find_face(_Finder())(record).reject == "no face"


def test_the_large_central_face_is_taken():
    image = np.zeros((300, 300, 3), np.uint8)
    finder = _Finder((0, 0, 90, 90), (100, 100, 200, 200), (150, 150, 170, 170))
    record = stages.find_face(finder)(_record().having(pixels=image))
    assert record.quality is not None
    assert record.landmarks is not None
    assert record.quality.faces == 3
    assert record.landmarks[0, 0] == pytest.approx(ARCFACE.template[0, 0] + 100)


@pytest.mark.parametrize(
    ("stage", "reason"),
    [(stages.keep_large(20), "too small"), (stages.keep_inside(0.8), "cut off")],
)
def test_filters_name_the_reason_and_the_limit(stage: stages.Stage, reason: str):
    poor = _record().having(quality=Quality(0.9, 10.0, 0.5, 1), face=np.zeros((2, 2, 3), np.uint8))
    rejected = stage(poor)
    assert rejected.reject is not None
    assert rejected.reject.startswith(reason)
    assert "needs" in rejected.reject
    assert rejected.face is None
    good = poor.having(quality=Quality(0.9, 40.0, 1.0, 1))
    assert stage(good) is good


def test_run_stops_at_the_rejecting_stage():
    def fail(record: Record) -> Record:
        raise AssertionError

    bad = _record(b"x")
    for steps in ([stages.read, fail], [stages.chain(stages.read, fail)]):
        assert [record.reject is not None for record in stages.run(steps, [bad, bad])] == [True] * 2


def test_encode_loses_nothing():
    face = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    png = stages.encode(_record().having(face=face)).png
    assert png is not None
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), face)


class _Blob:
    def __init__(self, data: bytes | ValueError) -> None:
        self.data = data
        self.size = 1

    def read(self) -> bytes:
        if isinstance(self.data, ValueError):
            raise self.data
        return self.data


def test_a_blob_is_read():
    record = stages.read(_record().having(blob=_Blob(_encoded(Image.fromarray(NOISE)))))
    assert record.pixels is not None
    assert np.array_equal(record.pixels, NOISE)
    damaged = stages.read(_record().having(blob=_Blob(ValueError("wrong CRC-32"))))
    assert damaged.reject == "unreadable: cannot be read (wrong CRC-32)"


def test_given_landmarks_are_used_without_detection():
    class Blind(_Finder):
        scheme = DLIB

        def detect(self, image: np.ndarray) -> list[Detection]:
            raise AssertionError

    points = ARCFACE.template * 2 + np.float32(20)
    image = np.zeros((300, 300, 3), np.uint8)
    for x, y in points.round().astype(int):
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
    record = stages.find_face(Blind())(_record().having(pixels=image, landmarks=points))
    assert record.quality is not None
    assert (record.quality.detector_score, record.quality.faces) == (None, None)
    assert record.quality.eye_distance == pytest.approx(2 * 35.2, abs=0.2)
    assert record.face is not None
    for x, y in ARCFACE.template.round().astype(int):
        assert record.face[y, x].min() > 200
    assert record.landmarks is points


@pytest.mark.case("C19")
def test_given_landmarks_that_coincide():
    record = _record().having(
        pixels=np.zeros((9, 9, 3), np.uint8), landmarks=np.zeros((5, 2), np.float32)
    )
    assert stages.find_face(_Finder())(record).reject == "wrong landmarks: all points coincide"


BYSTANDER, SUBJECT = (1400, 900, 1600, 1100), (788, 788, 1212, 1212)


@pytest.mark.case("B7")
@pytest.mark.parametrize(("centred", "taken"), [(False, SUBJECT), (True, BYSTANDER)])
def test_the_subject_of_a_photograph_is_the_large_face(centred: bool, taken: tuple[int, ...]):
    image = np.zeros((2000, 3000, 3), np.uint8)
    record = _record().having(pixels=image, centred=centred)
    found = stages.find_face(_Finder(BYSTANDER, SUBJECT))(record)
    assert found.landmarks is not None
    assert found.landmarks[0, 0] == pytest.approx(ARCFACE.template[0, 0] + taken[0])


def test_faces_alike_are_rejected_with_their_number_and_weights():
    image = np.zeros((100, 300, 3), np.uint8)
    finder = _Finder((30, 10, 110, 90), (190, 10, 270, 90), (0, 0, 9, 9))
    found = stages.find_face(finder)(_record().having(pixels=image))
    assert found.reject == "several faces: 2 of 3 are alike in size and place (1.00, 1.00)"


@pytest.mark.case("C19")
@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ((1e5, -1e5), "the face that they make lies outside of the image, 178x218"),
        ((1e30, 0), "the face that they make lies outside of the image, 178x218"),
        ((np.nan, 0), "a coordinate is not finite"),
        ((0, -np.inf), "a coordinate is not finite"),
    ],
)
def test_landmarks_far_outside_are_rejected_at_once(point: tuple[float, float], reason: str):
    points = ARCFACE.template.copy()
    points[0] = point
    image = np.zeros((218, 178, 3), np.uint8)
    record = stages.find_face(_Finder())(_record().having(pixels=image, landmarks=points))
    assert record.reject == f"wrong landmarks: {reason}"


@pytest.mark.case("C19")
def test_a_face_that_is_shifted_out_of_the_image_is_rejected():
    image = np.zeros((218, 178, 3), np.uint8)
    points = ARCFACE.template + np.array([4000, -70_000], np.float32)
    record = stages.find_face(_Finder())(_record().having(pixels=image, landmarks=points))
    assert record.reject is not None
    assert record.reject.startswith("wrong landmarks: the face that they make lies outside")


def test_an_image_that_the_detector_fails_on_is_rejected():
    class Failing(_Finder):
        def detect(self, image: np.ndarray) -> list[Detection]:
            if image.any():
                raise RuntimeError("/home/ada/model.onnx: bad shape")
            return []

    record = _record().having(pixels=np.ones((9, 9, 3), np.uint8))
    assert stages.find_face(Failing())(record).reject == "detector failed: RuntimeError"

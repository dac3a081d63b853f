import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceref.embed.align import ARCFACE, DLIB
from faceref.errors import FaceRefError
from faceref.pipeline import stages
from faceref.pipeline.quality import HEADS, QualityRule, pose, sharpness
from faceref.record import Quality, Record
from faceref.sources.sample import sample


def _turned(scheme: str, yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Points of a mean head whose nose points `yaw` to the right and `pitch` down."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return (HEADS[scheme] @ (about_z @ about_y @ about_x).T)[:, :2] * 0.7 + 60


@pytest.mark.parametrize("scheme", ["arcface5", "dlib5"])
@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (30, 0), (-20, 10), (0, -15)])
def test_pose_of_a_turned_head_is_found_again(scheme: str, yaw: float, pitch: float):
    found = pose(_turned(scheme, yaw, pitch), scheme)
    assert found.yaw == pytest.approx(yaw, abs=1.5)
    assert found.pitch == pytest.approx(pitch, abs=1.5)


def test_roll_is_clockwise():
    assert pose(_turned("arcface5", 0, 0, 12), "arcface5").roll == pytest.approx(12, abs=0.1)


def test_a_nose_that_moves_right_turns_the_head_right():
    points = ARCFACE.template.copy()
    points[2, 0] += 8
    assert pose(points, "arcface5").yaw > 10
    assert abs(pose(DLIB.template, "dlib5").yaw) < 3


def test_yaw_is_that_of_the_sample_s_camera():
    # The generator stands its camera on the person's left for positive yaw: the nose goes left.
    from faceref.synthetic.shot import draw_shot

    drawn, found = [], []
    for record in sample().records[::5]:
        person, shot = record.image_id.split("/")[1][1:].split("_")
        drawn.append(-draw_shot(2026, int(person), int(shot)).yaw)
        assert record.landmarks is None or len(record.landmarks) == 5
    rows = {row["image_id"]: row["landmarks"] for row in _landmarks()}
    for record in sample().records[::5]:
        found.append(pose(np.reshape(rows[record.image_id], (5, 2)), "arcface5").yaw)
    assert np.corrcoef(drawn, found)[0, 1] > 0.97
    assert np.abs(np.subtract(drawn, found)).mean() < 3.5


def _landmarks() -> list[dict]:
    from importlib import resources

    with resources.as_file(resources.files("faceref") / "sample" / "faces.parquet") as path:
        return pq.read_table(path, columns=["image_id", "landmarks"]).to_pylist()


def test_a_blurred_face_is_less_sharp():
    for record in sample().records[:20]:
        with Image.open(io.BytesIO(record.data or b"")) as image:
            face = image.convert("RGB")
        values = [
            sharpness(np.asarray(face.resize((side, side)).resize((128, 128))))
            for side in (128, 96, 64, 32)
        ]
        assert values == sorted(values, reverse=True)
        assert values[0] - values[2] > 0.4


def _record(**quality: float | None) -> Record:
    base = {"detector_score": 0.7, "eye_distance": 40.0, "inside": 1.0, "faces": 1}
    return Record("a/1", "test", "a", quality=Quality(**{**base, **quality}))  # pyright: ignore


@pytest.mark.parametrize(
    ("stage", "quality", "reason"),
    [
        (stages.keep_sharp(2.0), {"sharpness": 1.5}, "blurred: sharpness 1.50, needs 2"),
        (stages.keep_frontal(30), {"yaw": -41.0}, "turned away: yaw -41 degrees, at most 30"),
        (stages.keep_sure(0.8), {}, "unsure: detector score 0.70, needs 0.8"),
    ],
)
def test_each_filter_says_why(stage: stages.Stage, quality: dict, reason: str):
    assert stage(_record(**quality)).reject == reason


def test_what_was_not_measured_is_no_reason():
    unknown = _record(detector_score=None)
    for stage in (stages.keep_sharp(2.0), stages.keep_frontal(30), stages.keep_sure(0.8)):
        assert stage(unknown).reject is None


NAN = float("nan")
MAD = [{"min_inside": 2.0}, {"max_yaw": 0.0}, {"min_eye_distance": -5.0}, {"min_score": -0.1}]
MAD += [{name: NAN} for name in ("min_inside", "max_yaw", "min_eye_distance", "min_score")]


@pytest.mark.case("B+ limits below zero, or no numbers")
@pytest.mark.parametrize("options", [*MAD, {"min_sharpness": NAN}])
def test_limits_that_make_no_sense(options: dict):
    with pytest.raises(FaceRefError, match=f"--{next(iter(options)).replace('_', '-')}"):
        QualityRule(**options)

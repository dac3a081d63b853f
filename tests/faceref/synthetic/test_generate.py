import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceref.errors import FaceRefError
from faceref.synthetic.generate import generate, read_landmarks
from reports.scripts.sample.sample import write_sample

TINY = {"identities": 1, "per_identity": 2, "seed": 3, "samples_per_pixel": 2, "size": 48}


def images_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.jpg"))}


@pytest.fixture(scope="module")
def tiny(synthetic_extra: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faces")
    generate(out, **TINY, workers=1)
    return out


def test_import_is_light():
    heavy = "{'anny', 'mitsuba', 'torch'}"
    code = f"import sys, faceref.synthetic.generate; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_missing_packages_name_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FaceRefError, match=r"pip install 'face-ref\[synthetic\]'"):
        generate(tmp_path, **TINY)


def test_same_seed_same_bytes_and_resume(tiny: Path, tmp_path: Path):
    before, table = images_of(tiny), (tiny / "landmarks.csv").read_bytes()
    (tiny / "p000" / "p000_1.jpg").unlink()
    kept = (tiny / "p000" / "p000_0.jpg").stat().st_mtime_ns
    report = generate(tiny, **TINY, workers=1)
    assert (report.images, report.rendered) == (2, 1)
    assert images_of(tiny) == before
    assert (tiny / "landmarks.csv").read_bytes() == table
    assert (tiny / "p000" / "p000_0.jpg").stat().st_mtime_ns == kept
    assert not list(tiny.rglob("*.tmp"))


def test_other_recipe_in_the_same_folder_is_refused(tiny: Path):
    with pytest.raises(FaceRefError, match="choose another folder"):
        generate(tiny, **(TINY | {"seed": 4}))


def test_landmarks_lie_inside_and_in_order(tiny: Path):
    for row in read_landmarks(tiny).values():
        points = np.array(row).reshape(5, 2)
        left_eye, right_eye, nose, left_mouth, right_mouth = points
        assert (points > 0).all()
        assert (points < 47).all()
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_images_show_a_lit_face(tiny: Path):
    for name, row in read_landmarks(tiny).items():
        image = np.asarray(Image.open(tiny / f"{name}.jpg"), dtype=float)
        x, y = np.rint(row[4:6]).astype(int)
        red, green, blue = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
        assert image.shape == (48, 48, 3)
        assert 20 < green < 245
        assert red > blue


def test_sample_round_trip(tiny: Path, tmp_path: Path):
    out = tmp_path / "faces.parquet"
    assert write_sample(tiny, out) == out.stat().st_size
    rows = pq.read_table(out).to_pylist()
    assert [row["image_id"] for row in rows] == ["p000/p000_0", "p000/p000_1"]
    assert {row["identity"] for row in rows} == {"p000"}
    assert [row["image"] for row in rows] == list(images_of(tiny).values())
    assert rows[0]["landmarks"] == pytest.approx(read_landmarks(tiny)["p000/p000_0"])


def test_incomplete_folder_is_not_packed(tiny: Path, tmp_path: Path):
    (tmp_path / "landmarks.csv").write_bytes((tiny / "landmarks.csv").read_bytes())
    with pytest.raises(FaceRefError, match="lacks 2 images"):
        write_sample(tmp_path, tmp_path / "faces.parquet")


def test_more_images_are_added_to_a_folder(tiny: Path, tmp_path: Path):
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    before = images_of(tmp_path)
    report = generate(tmp_path, **(TINY | {"identities": 2, "per_identity": 3}), workers=2)
    assert (report.images, report.rendered) == (6, 4)
    assert images_of(tmp_path).items() >= before.items()
    assert len(read_landmarks(tmp_path)) == 6

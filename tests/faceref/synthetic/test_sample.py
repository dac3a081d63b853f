"""The sample that the package ships: always tested, whatever is installed."""

import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import faceref
from faceref.synthetic.generate import SAMPLES, Recipe, render_identity
from reports.scripts.sample.card import table

SAMPLE = Path(faceref.__file__).parent / "sample"
IDENTITIES, SHOTS, SIZE = 64, 6, 128
FACIAL = np.array([[48, 50], [79, 50], [63, 71], [50, 85], [77, 85]])
"""Where eyes, nose and mouth corners are in a mean image, pixels."""


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return pq.read_table(SAMPLE / "faces.parquet").to_pylist()


@pytest.fixture(scope="module")
def landmarks(rows: list[dict]) -> np.ndarray:
    return np.array([row["landmarks"] for row in rows]).reshape(-1, 5, 2)


def test_sample_is_64_people_in_under_3_megabytes(rows: list[dict]):
    assert (SAMPLE / "faces.parquet").stat().st_size < 3_000_000
    names = [row["image_id"] for row in rows]
    people = [row["identity"] for row in rows]
    assert names == sorted(set(names))
    assert [name.split("/")[0] for name in names] == people
    assert len(set(people)) == IDENTITIES
    assert min(people.count(person) for person in set(people)) >= SHOTS


def test_images_are_distinct_jpeg_of_128_pixels(rows: list[dict]):
    for row in rows:
        with Image.open(io.BytesIO(row["image"])) as image:
            image.load()
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (SIZE, SIZE))
    assert len({row["image"] for row in rows}) == len(rows)


def test_images_are_neither_black_nor_burnt(rows: list[dict]):
    grey = [np.asarray(Image.open(io.BytesIO(row["image"])).convert("L")) for row in rows]
    middle = np.array([image[32:96, 32:96].mean() for image in grey])
    assert middle.min() > 30
    assert middle.max() < 225
    assert min(image.std() for image in grey) > 15


def test_landmarks_are_where_a_face_has_them(landmarks: np.ndarray):
    assert landmarks.min() > 8
    assert landmarks.max() < SIZE - 8
    assert np.abs(landmarks - FACIAL).max() < 20
    assert np.abs(landmarks.mean(axis=0) - FACIAL).max() < 1
    left_eye, right_eye, nose, left_mouth, right_mouth = np.moveaxis(landmarks, 1, 0)
    assert (left_eye[:, 0] < right_eye[:, 0] - 15).all()
    assert (left_mouth[:, 0] < right_mouth[:, 0] - 8).all()
    assert (np.maximum(left_eye, right_eye)[:, 1] < nose[:, 1]).all()
    assert (nose[:, 1] < np.minimum(left_mouth, right_mouth)[:, 1]).all()


def test_card_shows_the_measured_numbers_and_no_path_of_a_machine():
    card = (SAMPLE / "README.md").read_text(encoding="utf-8")
    text = (SAMPLE / "measured.json").read_text(encoding="utf-8")
    numbers = json.loads(text)
    assert table(numbers) in card
    assert numbers["images"] == IDENTITIES * SHOTS
    assert numbers["scrfd"]["detected"] >= 0.98
    assert min(numbers["scrfd"]["auc"], numbers["dlib"]["auc"]) >= 0.97
    assert numbers["scrfd"]["landmark_error"] < 0.08
    for folder in ("/work", "/tmp", "/home", "/root"):
        assert folder not in card + text


def test_sample_says_how_to_make_it_again():
    metadata = pq.read_schema(SAMPLE / "faces.parquet").metadata
    made = json.loads(metadata[b"synthetic"])
    assert made["recipe"] == asdict(Recipe(2026, SIZE, SAMPLES))
    assert (made["identities"], made["per_identity"]) == (IDENTITIES, SHOTS)


def test_generator_still_makes_the_sample(
    synthetic_extra: None, rows: list[dict], landmarks: np.ndarray, tmp_path: Path
):
    """Equal to the byte on one kind of processor; a grey level in the mean is for the others."""
    render_identity(tmp_path, Recipe(2026, SIZE, SAMPLES), index=0, pictures=1)
    made = np.asarray(Image.open(tmp_path / "p000" / "p000_0.jpg"), dtype=float)
    kept = np.asarray(Image.open(io.BytesIO(rows[0]["image"])), dtype=float)
    assert np.abs(made - kept).mean() < 1

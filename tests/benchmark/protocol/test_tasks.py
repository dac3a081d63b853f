"""Tasks decide how faces become small, and whether a method can take them."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image

from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.predictions import evaluate_predictions
from benchmark.evaluation.setting import Setting, default_task
from benchmark.evaluation.setting_faces import read_faces
from benchmark.protocol.degradation import degrade_realistic
from benchmark.protocol.tasks import TASKS
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError


@pytest.mark.parametrize("name", sorted(TASKS))
def test_faces_are_made_small_as_the_task_says(name: str, tiny_face_ref: Path):
    task = TASKS[name]
    faces = read_faces(FaceRef.open(tiny_face_ref), Setting(name))
    assert faces.lr.shape == (6, task.lr_size, task.lr_size, 3)
    realistic = degrade_realistic(faces.hr[0], faces.image_ids[0], task.scale)
    assert np.array_equal(faces.lr[0], realistic) == (task.degradation == "realistic")


def test_the_realistic_task_is_harder(tiny_face_ref: Path):
    clean, real = (
        evaluate(FaceRef.open(tiny_face_ref), "bicubic", Setting(name))
        for name in ("lfw-x8@1", "lfw-x8-real@1")
    )
    assert real.means["psnr_y"] < clean.means["psnr_y"] - 0.05
    assert real.task == "lfw-x8-real@1"


def test_other_scales_take_predictions_and_refuse_methods_that_cannot(
    tiny_face_ref: Path, tmp_path: Path
):
    with pytest.raises(FaceRefError, match="Methods for x4: bicubic, sparnet, sparnet_s"):
        evaluate(FaceRef.open(tiny_face_ref), "srcnn", Setting("lfw-x4@1"))
    faces = read_faces(FaceRef.open(tiny_face_ref), Setting("lfw-x4@1"))
    for image_id, image in zip(faces.image_ids, faces.hr, strict=True):
        path = tmp_path / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    found = evaluate_predictions(FaceRef.open(tiny_face_ref), tmp_path, "mine", Setting("lfw-x4@1"))
    assert found.means["psnr_y"] == 100


def test_a_larger_lr_face_is_easier(tiny_face_ref: Path):
    scores = [
        evaluate(FaceRef.open(tiny_face_ref), "bicubic", Setting(f"lfw-{scale}@1")).means["psnr_y"]
        for scale in ("x16", "x8", "x4")
    ]
    assert scores[0] < scores[1] - 1 < scores[2] - 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("lfw", "lfw-x8@1"),
        ("celeba", "celeba-x8@1"),
        ("ffhq", "ffhq-x8@1"),
        ("sample", "sample-x8@1"),
        ("folder", "folder-x8@1"),
        ("hf", "folder-x8@1"),
    ],
)
def test_a_set_is_scored_on_the_task_of_its_source(source: str, expected: str):
    assert default_task(cast(FaceRef, SimpleNamespace(manifest={"source": source}))) == expected

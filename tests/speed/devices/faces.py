"""Builds, the models of a pack, and the LR encoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faceref.dataset.face_ref import FaceRef
from faceref.embed.base import Detection, Embedder
from faceref.embed.insightface import PROVIDERS
from faceref.embed.registry import open_embedder
from faceref.hardware import usable_cores
from faceref.images import thumbnail
from faceref.lr_encoder.model import embed_lr, load_encoder
from faceref.lr_encoder.training import LrFaces, Schedule, train_encoder
from faceref.mining.mine import Mining, Reference
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from faceref.sources.sample import sample
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.speed.devices.neighbours import compare_lists, need_faiss
from tests.speed.devices.task import COSINE, CPU, Found, Skipped, Task, faults_of, rate

PIXELS = 0.5
"""How far landmarks may lie from those of the CPU."""


def embed(task: Task) -> Found:
    """Detection and embeddings by ONNX Runtime."""
    if task.pack is None:
        raise Skipped("no --pack")
    import onnxruntime

    if PROVIDERS[task.device] not in onnxruntime.get_available_providers():
        raise Skipped(f"this onnxruntime {onnxruntime.__version__} has no {PROVIDERS[task.device]}")
    faces = FaceRef.open(task.face_ref).pool.images[: task.of(16, 1_024)]
    numbers: dict[str, Any] = {"faces": len(faces)}
    vectors, boxes = [], []
    for name, device in task.sides.items():
        embedder = open_embedder("insightface", pack=task.pack, device=device)
        vectors.append(_embedded(embedder, faces))
        boxes.append(_detected(embedder, faces))
        for work in (_embedded, _detected):
            kind = work.__name__.strip("_")
            each = rate(partial(work, embedder, faces), len(faces), task.seconds)
            numbers[f"{name}_{kind}_per_second"] = each
    cosine = float((vectors[0] * vectors[1]).sum(1).min())
    both = [(one[0], other[0]) for one, other in zip(*boxes, strict=True) if one and other]
    pixels = max((float(np.abs(a.landmarks - b.landmarks).max()) for a, b in both), default=0.0)
    numbers |= {
        "least_cosine": round(cosine, 6),
        "faces_found": [sum(map(bool, side)) for side in boxes],
        "most_pixels_apart": round(pixels, 3),
    }
    return Found(
        numbers,
        faults_of(
            (cosine > COSINE, f"a cosine to the CPU's embedding is {cosine:.5f}"),
            (len(set(numbers["faces_found"])) == 1, "other faces are found"),
            (pixels <= PIXELS, f"landmarks are {pixels:.2f} pixels apart"),
        ),
    )


def _embedded(embedder: Embedder, faces: np.ndarray) -> np.ndarray:
    """As a build does it: each call by one of as many threads as there are cores."""
    size = embedder.batch_size
    parts = [faces[start : start + size] for start in range(0, len(faces), size)]
    with ThreadPoolExecutor(usable_cores()) as pool:
        return np.concatenate(list(pool.map(embedder.embed, parts)))


def _detected(embedder: Embedder, faces: np.ndarray) -> list[Sequence[Detection]]:
    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(embedder.detect, faces))


def whole_build(task: Task) -> Found:
    """A build with an LR encoder, by an embedder without models."""
    need_faiss(task)
    numbers: dict[str, Any] = {}
    made = {}
    for name, device in task.sides.items():
        start = time.perf_counter()
        made[name] = build_set(task.folder / name, task, device, likeness_lr="both")
        numbers[f"{name}_seconds"] = round(time.perf_counter() - start, 2)
    faces = {name: FaceRef.open(root) for name, root in made.items()}
    numbers["faces"] = sum(faces["cpu"].count(split) for split in faces["cpu"].splits)
    same, others = compare_lists(_references(faces["cpu"]), _references(faces["there"]))
    numbers["refs_hr_same"] = round(same / numbers["faces"], 4)
    return Found(numbers, faults_of((not others, f"{others} lists refs_hr are others")))


def build_set(out: Path, task: Task, device: str, **mining: Any) -> Path:
    """A set of the embedded sample, small ones of drawn people, by an embedder without models."""
    source = sample()
    if task.device == CPU:
        source = folder(write_people(out.with_name(f"{out.name}_people")))
    recipe = Recipe(Mining(**mining), SplitRule(0.2, 0.2))
    build(source, PlainEmbedder(), out, recipe, device=device)
    return out


def _references(faces: FaceRef) -> list[list[Reference]]:
    return [
        [(one["image_id"], one["score"]) for one in references]
        for split in faces.splits
        for references in faces.column(split, "refs_hr")
    ]


def _lr_faces(faces: FaceRef, split: str) -> LrFaces:
    images = faces.images(split)
    small = np.stack([thumbnail(image) for image in images])
    people = np.array(faces.column(split, "identity"))
    return LrFaces(small, PlainEmbedder().embed(images), people)


def encoder(task: Task) -> Found:
    """The LR encoder: trained, and read again on both devices."""
    faces = FaceRef.open(task.face_ref)
    train, val = (_lr_faces(faces, split) for split in ("train", "val"))
    samples, size = task.of((48, 8), (20_000, 128))
    schedule = Schedule(epochs=1_000, most_samples=samples, batch_size=size, validations=2)
    numbers: dict[str, Any] = {}
    for name, device in task.sides.items():
        start = time.perf_counter()
        out = task.folder / f"{name}.safetensors"
        report = train_encoder(train, val, out, schedule, device=device)
        shown = schedule.steps(len(train.people)) * schedule.batch_size
        numbers[f"{name}_images_per_second"] = round(shown / (time.perf_counter() - start), 1)
        numbers[f"{name}_val_cosine"] = report["val_cosine_of_retrieved"]
    out = task.folder / "there.safetensors"
    vectors = [
        embed_lr(load_encoder(out, device), train.thumbnails) for device in task.sides.values()
    ]
    numbers["least_cosine"] = round(float((vectors[0] * vectors[1]).sum(1).min()), 6)
    apart = abs(numbers["cpu_val_cosine"] - numbers["there_val_cosine"])
    return Found(
        numbers,
        faults_of(
            (numbers["least_cosine"] > COSINE, "the same weights give other embeddings"),
            (apart < 0.1, f"val cosines are {apart:.3f} apart"),
        ),
    )

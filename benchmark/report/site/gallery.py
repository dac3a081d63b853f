"""The images of the page: faces of the embedded sample, super-resolved by each method."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.evaluation.evaluate import training_of
from benchmark.evaluation.setting import Setting
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method
from benchmark.metrics.score import luma, psnr
from benchmark.report.face_grid import Example
from benchmark.report.site.answer import SEEN
from benchmark.report.site.build import GALLERY, need_page_folder
from benchmark.results.files import read_all
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError
from faceref.files import write_bytes, write_text

IMAGES = "images"
OURS = re.compile(r"\d+-[\w-]+\.webp")
"""Names of images that a gallery writes; others in that folder are somebody else's."""
FACES = 6
TASK = "sample-x8@1"


@dataclass(frozen=True)
class Shown:
    """One method of the gallery."""

    method: Method
    budget: str | None
    """Training budget; None for a method without training."""
    weights: str | None
    """SHA-256 of the weights."""


def write_gallery(
    face_ref: FaceRef,
    runs: Mapping[str, Path | None],
    results: Path,
    out: Path,
    reference_list: str = "refs_lr",
) -> int:
    """Write the images and their script to the page's folder `out`; returns how many faces.

    `runs` maps methods to their trainings. Raises FaceRefError for a Face_Ref that is not of the
    embedded sample: pages are for showing, and people have not agreed to be shown.
    """
    from benchmark.report.examples import examples

    need_sample(face_ref)
    need_page_folder(out)
    methods = [_shown(load_method(name), run) for name, run in runs.items()]
    setting = Setting(TASK, reference_list=reference_list)
    found = examples(face_ref, dict(runs), setting, FACES)
    folder = out / IMAGES
    older = {path for path in folder.glob("*") if OURS.fullmatch(path.name)}
    faces = [_face(place, row, methods, folder) for place, row in enumerate(found, 1)]
    about = _about(face_ref, methods, reference_list, results)
    write_text(out / GALLERY, _script({"about": about, **_sides(methods, faces), "faces": faces}))
    shown = {folder / name for name in re.findall(rf'"{IMAGES}/([^"]+)"', json.dumps(faces))}
    for path in older - shown:
        path.unlink()
    return len(faces)


def need_sample(face_ref: FaceRef) -> None:
    """Raise FaceRefError unless `face_ref` was built from the embedded sample."""
    source = face_ref.manifest["source"]
    if source != "sample":
        raise FaceRefError(
            f"The page shows faces of the embedded sample only, not of {source!r}. Give a Face_Ref "
            "made by faceref build --source sample, or leave --face-ref out."
        )


def _shown(method: Method, run: Path | None) -> Shown:
    training = training_of(method, run)
    if training is None:
        return Shown(method, None, None)
    return Shown(method, training["budget"]["name"], training["weights_sha256"])


def _face(place: int, row: Example, methods: list[Shown], folder: Path) -> dict[str, Any]:
    """Save the images of one face; returns what the script says of it."""

    def saved(name: str, image: np.ndarray) -> str:
        file = f"{place}-{name}.webp"
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "WEBP", lossless=True, method=6)
        write_bytes(folder / file, buffer.getvalue())
        return f"{IMAGES}/{file}"

    outputs = [
        {
            "name": shown.method.title,
            "src": saved(shown.method.name, image),
            "psnr": round(psnr(luma(image), luma(row.hr)), 2),
        }
        for shown, image in zip(methods, row.outputs, strict=True)
    ]
    references = [
        {"src": saved(f"reference-{number}", image), "score": float(score)}
        for number, (image, score) in enumerate(zip(row.references, row.scores, strict=True), 1)
    ]
    return {
        "name": f"Face {place}",
        "lr": saved("lr", row.lr),
        "hr": saved("hr", row.hr),
        "outputs": outputs,
        "references": references,
    }


def _sides(methods: list[Shown], faces: list[dict[str, Any]]) -> dict[str, str]:
    """Names of the images shown first: bicubic, and what is best of these faces on average."""
    titles = [shown.method.title for shown in methods]
    means = np.mean([[output["psnr"] for output in face["outputs"]] for face in faces], 0)
    plain = [shown.method.title for shown in methods if shown.method.name == "bicubic"]
    best = titles[int(np.argmax(means))]
    return {"left": (plain or titles)[0], "right": "HR" if best in plain else best}


def _about(face_ref: FaceRef, methods: list[Shown], reference_list: str, results: Path) -> str:
    known = {row.training["weights_sha256"] for row in read_all(results) if row.training}
    trained = [shown for shown in methods if shown.weights]
    words = [
        f"{shown.method.title} (budget {shown.budget}"
        + (")" if shown.weights in known else ", a training that is on no leaderboard)")
        for shown in trained
    ]
    seen = "LR" if reference_list == SEEN else "HR"
    about = (
        f"Test faces of the embedded sample, Face_Ref {data_revision(face_ref)[:12]}. "
        f"References were found with the {seen} face."
    )
    return f"{about} Trained: {', '.join(words)}." if words else about


def _script(content: dict[str, Any]) -> str:
    faces = ",\n".join(json.dumps(face) for face in content["faces"])
    rest = json.dumps({key: value for key, value in content.items() if key != "faces"})
    head = "window.facebench = window.facebench || {};\n"
    return f'{head}facebench.images = {rest[:-1]}, "faces": [\n{faces}\n]}};\n'

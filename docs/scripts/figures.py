"""Draw the images of the pages from a Face_Ref of the embedded sample, into `docs/images`.

Usage: `python -m docs.scripts.figures face_ref`, after
`faceref build --source sample --embedder dlib --out face_ref`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

import benchmark
import faceref
from docs.scripts.repository import ROOT
from faceref.files import replacing

IMAGES = ROOT / "docs" / "images"
RELEASES = ROOT / "weights"
PROBE = "p010/p010_2"
"""A face of the test split."""
SIZE, SMALL, LR, GAP = 128, 48, 16, 4
COUNT = 5
"""References shown."""
OVERVIEW = (PROBE, "p001/p001_3", "p052/p052_1")
HEADS = {
    0: "LR, 16x16",
    1: "bicubic",
    2: "result",
    3: "HR",
    4: "references: other people, found with the LR face",
}
"""Words above the columns of the overview."""
RESULT = "lfw-x8-small-40000/msrnet"
DETAIL = {
    "trained on L1": "lfw-x8-small/sparnet_s",
    "perceptual": "lfw-x8-small/sparnet_s-perceptual",
}
"""SPARNet-s with two losses: heads of columns, and released weights."""
HEAD, APART = 22, 12
GREY = (128, 128, 128, 255)
"""Can be read on white and on black."""


def strip(faces: Sequence[Image.Image], columns: int = 0, size: int = SIZE) -> Image.Image:
    """Faces in rows of `columns`, 0 for one row, transparent between them."""
    columns = columns or len(faces)
    rows = -(-len(faces) // columns)
    step = size + GAP
    paper = Image.new("RGBA", (columns * step - GAP, rows * step - GAP))
    for place, face in enumerate(faces):
        shown = face.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
        paper.paste(shown, (place % columns * step, place // columns * step))
    return paper


def drawn(faces: faceref.FaceRef) -> dict[str, Image.Image]:
    """Every image of the pages by its name in `docs/images`."""
    return {
        "favicon.png": _pixels(_shrunk(_face(faces, PROBE)), 3 * LR),
        "overview.webp": _overview(faces),
        "detail.webp": _detail(faces),
        "task.webp": strip(_task(faces, PROBE)),
        "refs_hr.webp": strip(_references(faces, "refs_hr")),
        "refs_lr.webp": strip(_references(faces, "refs_lr")),
        "pool.webp": strip(_pool(faces), columns=12, size=SMALL),
        "leak.webp": strip(_forbidden(faces)),
    }


def _face(faces: faceref.FaceRef, image_id: str) -> Image.Image:
    return Image.fromarray(faces.image(image_id))


def _shrunk(face: Image.Image) -> Image.Image:
    return face.resize((LR, LR), Image.Resampling.BICUBIC)


def _pixels(lr: Image.Image, size: int = SIZE) -> Image.Image:
    return lr.resize((size, size), Image.Resampling.NEAREST)


def _overview(faces: faceref.FaceRef) -> Image.Image:
    """Faces of the test split, a row each: LR, bicubic, result, HR, and their references."""
    step = SIZE + GAP
    paper = _headed(HEADS, (4 + COUNT) * step - GAP + APART)
    for row, probe in enumerate(OVERVIEW):
        top = HEAD + row * step
        paper.paste(strip(_task(faces, probe)), (0, top))
        paper.paste(strip(_references(faces, "refs_lr", probe)[1:]), (4 * step + APART, top))
    return paper


def _headed(heads: Mapping[int, str], width: int) -> Image.Image:
    """Room for a row of each of `OVERVIEW`, below words above columns."""
    step = SIZE + GAP
    paper = Image.new("RGBA", (width, HEAD + len(OVERVIEW) * step - GAP))
    write, font = ImageDraw.Draw(paper), ImageFont.load_default(16)
    for column, words in heads.items():
        write.text((column * step + APART * (column > 3), 0), words, GREY, font)
    return paper


def _detail(faces: faceref.FaceRef) -> Image.Image:
    """Faces of the test split, a row each: LR, results of networks with two losses, HR."""
    heads, step = dict(enumerate((HEADS[0], *DETAIL, HEADS[3]))), SIZE + GAP
    paper = _headed(heads, len(heads) * step - GAP)
    for row, probe in enumerate(OVERVIEW):
        hr = _face(faces, probe)
        made = [_super_resolved(faces, _shrunk(hr), name) for name in DETAIL.values()]
        paper.paste(strip([_pixels(_shrunk(hr)), *made, hr]), (0, HEAD + row * step))
    return paper


def _task(faces: faceref.FaceRef, probe: str) -> list[Image.Image]:
    """LR face, upsampled, prediction, HR face."""
    hr = _face(faces, probe)
    lr = _shrunk(hr)
    upsampled = lr.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return [_pixels(lr), upsampled, _super_resolved(faces, lr, RESULT), hr]


def _super_resolved(faces: faceref.FaceRef, lr: Image.Image, name: str) -> Image.Image:
    model = benchmark.load_model(RELEASES / f"{name}.safetensors")
    return Image.fromarray(benchmark.Upscaler(model, faces, aligned=True)(lr).image)


def _references(faces: faceref.FaceRef, name: str, probe: str = PROBE) -> list[Image.Image]:
    """The face and its best references of a list."""
    found = faces.references(probe, name)[:COUNT]
    return [_face(faces, each) for each in (probe, *(item.image_id for item in found))]


def _pool(faces: faceref.FaceRef) -> list[Image.Image]:
    """Faces of the pool, evenly spaced."""
    pool = faces.pool.images
    return [Image.fromarray(pool[row]) for row in np.linspace(0, len(pool) - 1, 36).astype(int)]


def _forbidden(faces: faceref.FaceRef) -> list[Image.Image]:
    """The face, a mirrored copy of it, and two other images of its person."""
    identity = PROBE.partition("/")[0]
    split = next(name for name in faces.splits if PROBE in faces.column(name, "image_id"))
    rows = zip(faces.column(split, "image_id"), faces.column(split, "identity"), strict=True)
    others = [each for each, person in rows if person == identity and each != PROBE][:2]
    face = _face(faces, PROBE)
    return [face, ImageOps.mirror(face), *(_face(faces, each) for each in others)]


def main(folder: str) -> None:
    """Draw all from the set at `folder`."""
    for name, image in drawn(faceref.open(folder)).items():
        with replacing(IMAGES / name) as path:
            image.save(path, quality=90)
        print(IMAGES / name)


if __name__ == "__main__":
    main(sys.argv[1])

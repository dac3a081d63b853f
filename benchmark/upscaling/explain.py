"""Sheets of super-resolved faces beside their references, for `facebench upscale --explain`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmark.upscaling.faces import UpscaledFace
from benchmark.upscaling.images import write_image
from faceref.images import Tile, draw


def explain_faces(faces: Sequence[UpscaledFace], folder: Path) -> list[Path]:
    """A sheet of the faces beside their references and relevance, and each reference; the files."""
    images: dict[str, np.ndarray] = {}
    rows = [_explained(face) for face in faces if face.super_resolved is not None]
    if rows:
        heads = {0: "input", 1: "bicubic", 2: "result", 3: "references, score; relevance"}
        images["faces.png"] = np.asarray(draw(rows, heads, 3))
    for place, face in enumerate(faces):
        for rank, one in enumerate(face.references):
            images[f"face{place:03d}-reference{rank}.png"] = one.image
    for name, image in images.items():
        write_image(image, folder / name)
    return [folder / name for name in images]


def _explained(face: UpscaledFace) -> list[Tile]:
    assert face.super_resolved is not None
    small = cv2.resize(face.lr, (128, 128), interpolation=cv2.INTER_NEAREST)
    smooth = np.asarray(Image.fromarray(face.lr).resize((128, 128), Image.Resampling.BICUBIC))
    tiles = [Tile(small, ""), Tile(smooth, ""), Tile(face.super_resolved, "", strong=True)]
    for rank, one in enumerate(face.references):
        tiles.append(Tile(one.image, f"{one.score:.3f} {one.image_id}"))
        if face.relevance is not None:
            share = face.relevance[rank]
            tiles.append(Tile(heat(face.relevance, rank), f"{100 * share.mean():.0f} %"))
    return tiles


def heat(relevance: np.ndarray, rank: int) -> np.ndarray:
    """The map of a reference, of shares (K, 32, 32), as uint8 RGB (128, 128, 3).

    The lightest: at least twice the share that each would have of as many alike.
    """
    share = relevance[rank] * len(relevance) / 2
    grey = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    large = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)[..., ::-1])

"""The contact sheet: each probe beside its references, with their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from faceref.dataset.store import REFERENCE_LISTS, SPLITS, FaceRef, decode
from faceref.errors import FaceRefError, unknown_choice
from faceref.images import Tile, draw


def contact_sheet(
    face_ref: FaceRef, *, split: str = "test", reference_list: str = "refs_hr", probes: int = 10
) -> Image.Image:
    """Draw `probes` faces of `split`, evenly spaced, each with its references, best first.

    Raises FaceRefError for an unknown split or list, or a split without faces.
    """
    if reference_list not in REFERENCE_LISTS:
        raise unknown_choice("reference list", reference_list, REFERENCE_LISTS)
    rows = face_ref.table(split, ["image_id", "identity", reference_list]).to_pylist()
    if not rows:
        raise FaceRefError(f"{face_ref.root} has no face in split {split!r}.")
    places = np.unique(np.linspace(0, len(rows) - 1, min(probes, len(rows))).round().astype(int))
    chosen = [rows[place] for place in places]
    wanted = {row["image_id"] for row in chosen}
    wanted |= {item["image_id"] for row in chosen for item in row[reference_list]}
    images = images_by_id(face_ref, wanted)
    tiles = [_tiles(row, reference_list, images) for row in chosen]
    heads = {0: f"probe ({split})", 1: f"references, best first ({reference_list}, score)"}
    return draw(tiles, heads, aside=1)


def images_by_id(face_ref: FaceRef, wanted: set[str]) -> dict[str, np.ndarray]:
    """The aligned faces of the given image ids, from whatever split they are in."""
    found: dict[str, np.ndarray] = {}
    for split in SPLITS:
        table = face_ref.table(split, ["image_id", "image"])
        for row, image_id in enumerate(table["image_id"].to_pylist()):
            if image_id in wanted:
                found[image_id] = decode(table["image"][row].as_py()["bytes"])
    return found


def _tiles(row: dict[str, Any], reference_list: str, images: dict[str, np.ndarray]) -> list[Tile]:
    def name(image_id: str) -> str:
        return image_id.split("/")[0].replace("_", " ")

    probe = Tile(images[row["image_id"]], name(row["image_id"]), strong=True)
    return [probe] + [
        Tile(images[item["image_id"]], f"{item['score']:.3f}  {name(item['image_id'])}")
        for item in row[reference_list]
    ]

"""The contact sheet: each probe beside its references, with their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from faceref.errors import FaceRefError, unknown_choice
from faceref.store import REFERENCE_LISTS, SPLITS, FaceRef, decode

TILE, GAP, CAPTION, HEAD = 128, 6, 20, 30
PAPER, INK, FAINT = "white", "#1a1a1a", "#777777"


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
    return _draw(chosen, reference_list, images_by_id(face_ref, wanted), split)


def images_by_id(face_ref: FaceRef, wanted: set[str]) -> dict[str, np.ndarray]:
    """The aligned faces of the given image ids, from whatever split they are in."""
    found: dict[str, np.ndarray] = {}
    for split in SPLITS:
        table = face_ref.table(split, ["image_id", "image"])
        for row, image_id in enumerate(table["image_id"].to_pylist()):
            if image_id in wanted:
                found[image_id] = decode(table["image"][row].as_py()["bytes"])
    return found


def save_sheet(image: Image.Image, path: Path) -> None:
    """Write `image` to `path` as PNG, under a temporary name first."""
    temporary = path.with_suffix(".tmp")
    try:
        image.save(temporary, "PNG")
        temporary.replace(path)
    except OSError as error:
        raise FaceRefError(
            f"Cannot write {path}: {error.strerror or error}. Choose another --sheet."
        ) from error


def _draw(
    rows: list[dict], reference_list: str, images: dict[str, np.ndarray], split: str
) -> Image.Image:
    columns = 1 + max(len(row[reference_list]) for row in rows)
    width = GAP + columns * (TILE + GAP) + 2 * GAP
    height = HEAD + len(rows) * (TILE + CAPTION + GAP) + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    bold, small = ImageFont.load_default(15), ImageFont.load_default(11)
    pen.text((GAP, 8), f"probe ({split})", INK, bold)
    pen.text((TILE + 4 * GAP, 8), f"references, best first ({reference_list}, cosine)", INK, bold)
    for line, row in enumerate(rows):
        top = HEAD + line * (TILE + CAPTION + GAP)
        tiles = [(row["image_id"], row["identity"])]
        tiles += [
            (item["image_id"], f"{item['score']:.3f}  {item['image_id'].split('/')[0]}")
            for item in row[reference_list]
        ]
        for column, (image_id, caption) in enumerate(tiles):
            left = GAP + column * (TILE + GAP) + (2 * GAP if column else 0)
            sheet.paste(Image.fromarray(images[image_id]), (left, top))
            text = _fitted(pen, caption.replace("_", " "), small)
            pen.text((left, top + TILE + 3), text, FAINT if column else INK, small)
    return sheet


def _fitted(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> str:
    while text and pen.textlength(text, font) > TILE:
        text = text[:-1]
    return text

"""The contact sheet: each probe beside its references, with their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from faceref.images import Tile, draw


def contact_sheet(
    references: Mapping[str, Sequence[tuple[str, float]]],
    images: Mapping[str, np.ndarray],
    heads: tuple[str, str],
) -> Image.Image:
    """Draw each probe in a row with its references.

    Args:
        references: Image id and score of the references of each probe, by its image id.
        images: uint8 RGB (128, 128, 3) of every image id that `references` names.
        heads: Titles of the column of probes and of those of references.
    """
    rows = [
        [
            Tile(images[probe], _person(probe), strong=True),
            *(Tile(images[item], f"{score:.3f}  {_person(item)}") for item, score in found),
        ]
        for probe, found in references.items()
    ]
    return draw(rows, dict(enumerate(heads)), aside=1)


def _person(image_id: str) -> str:
    return image_id.split("/")[0].replace("_", " ")

"""In what steps a JPEG was rounded, by its tables."""

from __future__ import annotations

import numpy as np
from PIL import Image


def jpeg_steps(image: Image.Image) -> np.ndarray | None:
    """The steps in which a JPEG that Pillow has opened was rounded; None of other images.

    Args:
        image: As `PIL.Image.open` gives it: what is made of it has no tables any more.

    Returns:
        See `Decoded.steps`.
    """
    named: dict[int, list[int]] = getattr(image, "quantization", {})
    tables = {name: np.reshape(table, (8, 8)) for name, table in named.items()}
    layers = [layer for layer in getattr(image, "layer", ()) if layer[3] in tables]
    if not layers:
        return None
    widest, highest = (max(layer[side] for layer in layers) for side in (1, 2))
    found = np.full((8, 8, 3), np.inf, np.float32)
    for place in range(3):
        _, across, down, name = layers[place if len(layers) >= 3 else 0]
        # A colour that was shrunk has its coefficients among the first ones of the larger image.
        rows, columns = max(1, highest // down), max(1, widest // across)
        known = tables[name][::rows, ::columns]
        found[: len(known), : known.shape[1], place] = known * np.sqrt(rows * columns)
    return found

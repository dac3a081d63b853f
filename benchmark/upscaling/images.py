"""Images that are read to be super-resolved, and written with a notice, by which we know ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from faceref.files import replacing
from faceref.reading.pixels import GROUND

NOTICE = (
    "Detail in these faces is hallucinated: a guess by a network, with the help of other people's "
    "faces. It must not serve to identify anyone."
)
_LOOKED_AT = 4096
"""Bytes at the beginning and the end of a file among which the notice is looked for."""


def write_image(image: np.ndarray, path: Path, alpha: np.ndarray | None = None) -> None:
    """PNG with the notice in its text, under a temporary name first; the folder is made.

    `image` is uint8 RGB (H, W, 3), `alpha` uint8 (H, W).
    """
    info = PngInfo()
    info.add_text("Comment", NOTICE)
    layers = image if alpha is None else np.dstack([image, alpha])
    with replacing(path) as temporary:
        Image.fromarray(layers).save(temporary, "PNG", pnginfo=info)


def with_alpha(image: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The transparency of an image for the larger one that was made of it.

    The decoder laid the image over grey; that grey is taken out of the colours again, so that they
    look the same over any ground. Where nothing shows they stay grey.

    Args:
        image: uint8 RGB (H, W, 3).
        alpha: uint8 (h, w), of the smaller image.

    Returns:
        Colours, uint8 RGB (H, W, 3), and alpha, uint8 (H, W).
    """
    size = (image.shape[1], image.shape[0])
    large = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC))
    clear = large < 255
    share = large[clear, None].astype(np.float32) / 255
    colours = image.copy()
    bare = GROUND + (colours[clear] - float(GROUND)) / np.maximum(share, 1 / 255)
    colours[clear] = np.where(share > 0, np.rint(bare.clip(0, 255)), GROUND)
    return colours, large


def is_ours(path: Path) -> bool:
    """Whether a file has the notice in it; a folder, whether all of its files have."""
    if path.is_dir():
        return all(is_ours(one) for one in path.iterdir())
    try:
        if not path.is_file():  # A pipe would be waited for.
            return False
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
            file.seek(max(0, path.stat().st_size - _LOOKED_AT))
            return NOTICE.encode() in start + file.read(_LOOKED_AT)
    except OSError:
        return False

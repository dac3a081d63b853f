"""Images that are read to be super-resolved, and written with a notice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from faceref.errors import FaceRefError
from faceref.files import replacing

NOTICE = (
    "Detail in these faces is hallucinated: a guess by a network, with the help of other people's "
    "faces. It must not serve to identify anyone."
)


def read_image(path: Path) -> np.ndarray:
    """An upright image, uint8 RGB (H, W, 3)."""
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise FaceRefError(f"cannot be read as an image ({type(error).__name__})") from error


def write_image(image: np.ndarray, path: Path) -> None:
    """PNG with the notice in its text, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    info = PngInfo()
    info.add_text("Comment", NOTICE)
    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary, "PNG", pnginfo=info)

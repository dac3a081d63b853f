"""What the page of `facebench app` shows of an image: before, after, faces and their references."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image

from benchmark.methods.model import given_count
from benchmark.protocol.tasks import HR_SIZE, LR_SIZE
from benchmark.upscaling.explain import heat
from benchmark.upscaling.faces import FaceUpscaler, UpscaledFace
from benchmark.upscaling.images import with_alpha
from benchmark.upscaling.upscaler import Upscaled, Upscaler
from faceref.errors import FaceRefError
from faceref.images import resized
from faceref.reading.image import Decoded, UnreadableImage, decode
from faceref.sources.sample import HELD_OUT, sample, sample_pool

SHOWN = 24
"""Faces that are shown one by one."""
SCREEN = 2048
"""Longest side of the images of the slider; the file to download has all pixels."""
_SEEN = 192
"""Pixels that the longest side of a preview has at least, about."""
_TEMPLATE = Path(__file__).with_name("faces.html.jinja")
_GROUP = ((14, 32), (60, 56), (134, 32), (180, 52))
"""Left edge and side, in pixels, of the people in a row of the example photograph."""


@dataclass(frozen=True, eq=False)
class View:
    """An image before and after, and its faces."""

    result: Upscaled
    before: np.ndarray
    """As bicubic upsampling makes it, as large as `after`: uint8 RGB, or RGBA, (H, W, 3 or 4)."""
    after: np.ndarray
    faces: str
    """HTML that needs no other file."""


class Viewer:
    """Super-resolves one image after another, each with the references that are asked for.

    Args:
        upscalers: One for each reference set, by the name that a reader chooses it by.
    """

    def __init__(self, upscalers: Mapping[str, Upscaler]) -> None:
        self.upscalers = dict(upscalers)

    def view(
        self, path: Path, references: str, count: int, aligned: bool, say: Callable[[str], None]
    ) -> View:
        """Super-resolve the faces of the image at `path`.

        Args:
            path: Of an image.
            references: Name of a reference set.
            count: References for each face, 0 to 8.
            aligned: The image is a square crop of one aligned face.
            say: Called with what is being done, in a few words.

        Raises:
            FaceRefError: Where the image cannot be read, has no face, or would become too large.
        """
        image = read(path)
        say("Finding and super-resolving faces")
        result = self._upscaler(references, count, aligned).decoded(image)
        say("Drawing the result")
        height, width = result.image.shape[:2]
        before = _upsampled(image.pixels, width, height)
        if result.alpha is None or image.alpha is None:
            layers = before, result.image
        else:
            layers = (
                np.dstack(with_alpha(before, image.alpha)),
                np.dstack([result.image, result.alpha]),
            )
        before, after = map(_for_screen, layers)
        return View(result, before, after, faces_page(result.faces))

    def _upscaler(self, references: str, count: int, aligned: bool) -> Upscaler:
        """That of a reference set, with as many references for each face as are asked for."""
        chosen = copy(self.upscalers[references])
        base = chosen.face_upscaler
        networks = {
            scale: replace(network, count=given_count(network.model, count))
            for scale, network in base.networks.items()
        }
        chosen.face_upscaler = FaceUpscaler(networks, lambda: base.gallery, base.device)
        if aligned:
            chosen.embedder = None
        return chosen


def read(path: Path) -> Decoded:
    """The image at `path`; the error names the file without its folder."""
    try:
        return decode(path)
    except UnreadableImage as error:
        raise FaceRefError(
            f"{path.name}: {error}. Give a photograph or a crop of a face."
        ) from error


def is_crop(image: Decoded) -> bool:
    """Whether an image looks like an aligned crop: square, and no larger than those of a set."""
    height, width = image.pixels.shape[:2]
    return height == width and height <= HR_SIZE


def preview(image: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) at a size to look at: small ones show their pixels."""
    factor = max(1, _SEEN // max(image.shape[:2]))
    return _for_screen(image.repeat(factor, 0).repeat(factor, 1))


def faces_page(faces: Sequence[UpscaledFace]) -> str:
    """HTML of faces, smallest first, each with its references and their relevance by cells."""
    jinja = Environment(
        undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = jinja.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        faces=sorted(faces, key=lambda face: face.size)[:SHOWN],
        left_out=max(0, len(faces) - SHOWN),
        uri=_uri,
        heat=heat,
        bicubic=lambda lr: resized(lr, HR_SIZE),
    )


def write_examples(folder: Path) -> list[Path]:
    """Write images of the embedded sample to try: a photograph and three crops.

    Nobody in them is among the references of the sample.
    """
    people = sorted(HELD_OUT)
    images = {"photograph": _group(people[:8])}
    faces = dict(zip(*sample_pool(held_out=True), strict=True))
    for person in people[2:8:2]:
        crop = resized(faces[f"{person}/{person}_0"], LR_SIZE)
        images[f"crop-{person}"] = Image.fromarray(crop)
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in images]


def _group(people: Sequence[str]) -> Image.Image:
    """A photograph of two rows of people, small."""
    records = {record.identity: record.data or b"" for record in sample().records}
    sheet = Image.new("RGB", (240, 144), (70, 76, 84))
    for place, person in enumerate(people):
        left, side = _GROUP[place % 4]
        tile = Image.fromarray(decode(records[person]).pixels)
        top = (36 if place < 4 else 108) - side // 2
        sheet.paste(tile.resize((side, side), Image.Resampling.BICUBIC), (left, top))
    return sheet


def _upsampled(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """What the upscaler makes of an image where no face is."""
    large = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(large)


def _for_screen(image: np.ndarray) -> np.ndarray:
    """An image whose longest side is at most `SCREEN` pixels."""
    shown = Image.fromarray(image)
    shown.thumbnail((SCREEN, SCREEN), Image.Resampling.BICUBIC)
    return np.asarray(shown)


def _uri(image: np.ndarray) -> str:
    """uint8 RGB (H, W, 3) as an address that holds the image itself."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=92)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"

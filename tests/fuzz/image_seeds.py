"""Small images of every format that is read, in several modes, with and without metadata."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"),
    "GIF": ("L", "P", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "HEIF": ("L", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "F"),
}
WAYS: dict[str, tuple[dict[str, Any], ...]] = {
    "JPEG": ({"quality": 40}, {"progressive": True}, {"subsampling": 0, "restart_marker_rows": 1}),
    "PNG": ({}, {"optimize": True}),
    "WEBP": ({"lossless": True}, {"quality": 50}),
    "TIFF": ({}, *({"compression": way} for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits"))),
}
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")
SIDE = 40


def seeds() -> dict[str, list[bytes]]:
    """Encoded images by format; the same in every run of one Pillow."""
    return {kind: list(_of_kind(kind)) for kind in MODES if kind != "HEIF" or _writes_heif()}


def _of_kind(kind: str) -> Iterator[bytes]:
    for mode in MODES[kind]:
        for way in WAYS.get(kind, ({},)):
            if mode == "YCbCr" and not way and int(PIL.__version__.partition(".")[0]) < 13:
                continue  # Pillow 12, which gradio asks for, reads no uncompressed YCbCr.
            yield _saved(_image(mode), kind, way)
            if kind not in ("GIF", "BMP", "PPM"):
                yield _saved(_image(mode), kind, {**way, **_metadata(kind)})
    if kind == "TIFF":
        yield _saved(_image("RGB"), kind, {"compression": "jpeg"})
    if kind in ANIMATED:
        frames = [_image("RGB"), _image("RGB").rotate(90)]
        yield _saved(frames[0], kind, {"save_all": True, "append_images": frames})


def _image(mode: str) -> Image.Image:
    rng = np.random.default_rng(len(mode))
    coarse = Image.fromarray(rng.integers(0, 256, (6, 5, 4), np.uint8), "RGBA")
    image = coarse.resize((SIDE + 7, SIDE), Image.Resampling.BICUBIC)
    if mode == "LAB":
        profiles = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
        return _turned(ImageCms.profileToProfile(image.convert("RGB"), *profiles, outputMode=mode))
    if mode in ("I;16", "I", "F"):
        return image.convert("L").convert(mode)
    return image.convert(mode)


def _turned(image: Image.Image | None) -> Image.Image:
    assert image is not None
    return image


def _metadata(kind: str) -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x829A] = 6, "a face", 0.01
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngInfo()
    text.add_itxt("note", "a face", zip=True)
    text.add_text("Comment", "a face", zip=True)
    more: dict[str, Any] = {"PNG": {"pnginfo": text}, "JPEG": {"comment": b"a face"}}.get(kind, {})
    return {"exif": exif.tobytes(), "icc_profile": profile, **more}


def _saved(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _writes_heif() -> bool:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True

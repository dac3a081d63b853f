"""Super-resolve the faces of an image: `benchmark.Upscaler`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from benchmark.protocol.tasks import MOST_REFERENCES
from benchmark.training.export import load_model, pretrained
from benchmark.upscaling.faces import FaceUpscaler, UpscaledFace, upscale_crop, upscale_photo
from benchmark.upscaling.images import with_alpha, write_image
from benchmark.upscaling.networks import open_networks, scale_of
from faceref.api.arguments import as_path, need_whole
from faceref.dataset.face_ref import FaceRef
from faceref.embed.registry import open_embedder
from faceref.errors import FaceRefError, UnreadableImage
from faceref.hardware import open_device
from faceref.mining.gallery import Gallery, lr_likeness
from faceref.outputs.writable import need_file
from faceref.reading.image import Decoded, decode
from faceref.reading.jpeg import jpeg_steps

COUNT = 5
"""References for each face where a set is given."""


@dataclass(frozen=True, eq=False, repr=False)
class Upscaled:
    """An image with its faces super-resolved."""

    image: np.ndarray
    """uint8 RGB (H, W, 3)."""
    faces: list[UpscaledFace]
    alpha: np.ndarray | None = None
    """uint8 (H, W), 255 where opaque; None where the whole image is."""

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        made = sum(face.super_resolved is not None for face in self.faces)
        return f"<Upscaled {width}x{height}: {made} of {len(self.faces)} faces super-resolved>"

    def save(self, path: str | Path) -> None:
        """Write the image as PNG; a text in it says that detail is hallucinated.

        Raises FaceRefError for a name that does not end in `.png`, and where it cannot be written.
        """
        file = as_path(path)
        need_file(file, "the image", (".png",))
        write_image(self.image, file, self.alpha)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        buffer = io.BytesIO()
        Image.fromarray(self.image).save(buffer, "PNG")
        return buffer.getvalue()


class Upscaler:
    """Super-resolves the faces of photographs, or aligned crops of faces.

    Each face is super-resolved to 128x128 by the network that fits its size: from 16x16 (x8) or
    from 32x32 (x4). The size of a face is the side of the frame that it is aligned to, in pixels of
    the photograph: about 1.6 times the width of its box. A face that is too large, or whose size
    fits no given network, is only upsampled by bicubic interpolation. For the networks of the
    package the frame that a detector gives a face is corrected. References are found with the LR
    face alone. Shrunk again, a result equals the photograph: nothing that a clean photograph shows
    is changed. Faces in noisy photographs are cleaned first. So are faces in JPEGs, within the
    error that their quantisation tables allow for; these tables are known for files and for images
    opened by Pillow, not for arrays. The detail is hallucinated: it must not serve to identify
    anyone.

    Args:
        models: A model of `benchmark.load_model`, or what that takes, or a module with
            `forward(lr, refs)` or `forward(lr)`, whose attribute `scale` is 4 where that is not 8;
            or a list with one of each scale. `Upscaler.from_pretrained` takes those of the package.
            A module of your own is used as it is: in evaluation mode, on `device`.
        references: A Face_Ref, or its folder, whose train faces serve as references. None: the
            embedded sample, but only where `count` is given: without both, no references are used.
        count: References given for each face, K, 0 to 64; None: 5 of a set, and none of the sample,
            whose faces help only faces like them.
        aligned: Inputs are square crops of aligned faces: none is looked for.
        scale: How much larger photographs become.
        embedder: What finds faces, `insightface` or `dlib`; None: `insightface` where a pack is
            given, else `dlib`, whose models come with the package.
        pack: insightface model pack, a folder or a name; None: `buffalo_l`.
        det_size: Side of the detector's input in pixels.
        device: `cpu` or `cuda`.

    Raises:
        FaceRefError: Where the set, the embedder or the device is not to be had, and for two models
            of one scale.

    Example:
        >>> import benchmark
        >>> upscaler = benchmark.Upscaler(
        ...     benchmark.load_model("bicubic"), references="face_ref", aligned=True
        ... )
        >>> crop = faces.image(faces.to_pandas("test")["image_id"][0])
        >>> upscaler(crop).image.shape
        (128, 128, 3)
    """

    def __init__(
        self,
        models: nn.Module | str | Path | Sequence[nn.Module | str | Path],
        references: FaceRef | str | Path | None = None,
        *,
        count: int | None = None,
        aligned: bool = False,
        scale: int = 4,
        embedder: str | None = None,
        pack: str | Path | None = None,
        det_size: int = 640,
        device: str = "cpu",
    ) -> None:
        target = open_device(device)
        self.scale = need_whole("--scale", scale, 1)
        if count is not None:
            count = need_whole("--count", count, 0, MOST_REFERENCES)
        faces = None if references is None else FaceRef.open(references)
        if count is None:
            count = 0 if faces is None else COUNT
        self.count = count
        networks = open_networks(_opened(models), count, target)
        given = any(network.count for network in networks.values())
        found = None
        named = pack is not None or embedder is not None
        embedded = given and faces is not None and lr_likeness(faces) != "appearance"
        # A set by identity or by both is searched with the embedder of its build, for crops, too.
        if not aligned or (named and embedded):
            name = embedder or ("dlib" if pack is None else "insightface")
            # dlib finds faces on the CPU only.
            where = "cpu" if name == "dlib" else device
            folder = None if pack is None else str(pack)
            found = open_embedder(name, pack=folder, det_size=det_size, device=where)
        self.embedder = None if aligned else found
        self.face_upscaler = FaceUpscaler(networks, partial(Gallery, faces, found), target)
        if given:
            _ = self.face_upscaler.gallery  # What is wrong with it is said now.

    @classmethod
    def from_pretrained(
        cls,
        references: FaceRef | str | Path | None = None,
        *,
        models: nn.Module | str | Path | Sequence[nn.Module | str | Path] = (),
        count: int | None = None,
        aligned: bool = False,
        scale: int = 4,
        embedder: str | None = None,
        pack: str | Path | None = None,
        det_size: int = 640,
        device: str = "cpu",
    ) -> Upscaler:
        """With the networks that come with the package, for x8 and x4: nothing is downloaded.

        Args:
            references: As of `Upscaler`: without a set and without `count` none are used.
            models: As of `Upscaler`, in place of the package's networks of the same scales.
            count: As of `Upscaler`, and so are the others.
            aligned: Inputs are square crops of aligned faces.
            scale: How much larger photographs become.
            embedder: What finds faces.
            pack: insightface model pack.
            det_size: Side of the detector's input in pixels.
            device: `cpu` or `cuda`.

        Returns:
            The upscaler.

        Raises:
            FaceRefError: As `Upscaler` does.

        Example:
            >>> upscaler = benchmark.Upscaler.from_pretrained(count=3)
            >>> upscaler.face_upscaler.networks[8].count
            3
        """
        given = _opened(models)
        scales = {scale_of(one) for one in given}
        own = [one for one in pretrained() if one.scale not in scales]
        return cls(
            [*given, *own],
            references,
            count=count,
            aligned=aligned,
            scale=scale,
            embedder=embedder,
            pack=pack,
            det_size=det_size,
            device=device,
        )

    def __call__(self, image: np.ndarray | Image.Image | str | Path) -> Upscaled:
        """Super-resolve the faces of one image.

        Args:
            image: A path, a Pillow image, or uint8 RGB (H, W, 3).

        Returns:
            The larger image and what was made of each face.

        Raises:
            FaceRefError: Where the image cannot be read, has no face, or would become too large.
        """
        if isinstance(image, np.ndarray):
            return Upscaled(*self.frame(_need_rgb(image)))
        return self.decoded(_of_pillow(image) if isinstance(image, Image.Image) else _read(image))

    def decoded(self, image: Decoded) -> Upscaled:
        """Super-resolve the faces of an image with its transparency."""
        large, faces = self.frame(image.pixels, image.steps)
        if image.alpha is None:
            return Upscaled(large, faces)
        colours, alpha = with_alpha(large, image.alpha)
        return Upscaled(colours, faces, alpha)

    def frame(
        self, image: np.ndarray, steps: np.ndarray | None = None
    ) -> tuple[np.ndarray, list[UpscaledFace]]:
        """The larger image, and what was made of each face of uint8 RGB (H, W, 3).

        `steps` are those of its quantisation, see `faceref.reading.image.Decoded`.
        """
        if self.embedder is None:
            return upscale_crop(image, self.face_upscaler, steps)
        return upscale_photo(image, self.face_upscaler, self.embedder, self.scale, steps)

    def provenance(self) -> dict[str, Any]:
        """What outputs depend on, for the report beside them."""
        upscaler = self.face_upscaler
        networks = list(upscaler.networks.values())
        given = any(network.count for network in networks)
        return {
            "networks": [network.provenance() for network in networks],
            "face_ref": upscaler.gallery.fingerprint if given else None,
        }


def _opened(
    models: nn.Module | str | Path | Sequence[nn.Module | str | Path],
) -> list[nn.Module]:
    """One model or several, those of a name or path loaded."""
    several = [models] if isinstance(models, (nn.Module, str, PathLike)) else models
    return [load_model(one) if isinstance(one, (str, PathLike)) else one for one in several]


def _need_rgb(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise FaceRefError(
            f"An array of {image.dtype} {image.shape}: give uint8 RGB (H, W, 3), 0 to 255."
        )
    return image


def _read(path: str | Path) -> Decoded:
    """The image at `path`; the error names the file."""
    try:
        return decode(as_path(path))
    except UnreadableImage as error:
        raise FaceRefError(
            f"{path}: {error}. Give a photograph, or uint8 RGB (H, W, 3)."
        ) from error


def _of_pillow(image: Image.Image) -> Decoded:
    """What is transparent is laid over grey, as in images that are read."""
    if not image.has_transparency_data:
        return Decoded(np.asarray(image.convert("RGB")), None, image.mode, jpeg_steps(image))
    buffer = io.BytesIO()
    image.convert("RGBA").save(buffer, "PNG")
    return decode(buffer.getvalue())

"""Protocols that published numbers were measured with, each by name.

All measure Y of 8-bit images, averaged image by image, with the SSIM of `benchmark.metrics.score`.
They differ in how Y becomes a number and in the border that is left out. Their definitions are
from the code that the authors released, re-implemented here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.metrics.score import BT601, luma, psnr, ssim
from faceref.errors import FaceRefError

Rounding = Literal["none", "nearest", "down"]


@dataclass(frozen=True)
class Published:
    """One way to measure PSNR and SSIM on Y."""

    name: str
    title: str
    source: str
    rounding: Rounding
    """How Y becomes whole numbers, if it does."""
    border: int
    """Pixels left out at each side."""
    overflow: bool = False
    """Also give `ssim_overflow`, the SSIM of Y times 255 taken modulo 256."""
    known: str = ""
    """A number that this protocol is known to give."""


PUBLISHED = {
    protocol.name: protocol
    for protocol in (
        Published(
            "dic",
            "DIC (Ma et al., CVPR 2020)",
            "https://github.com/Maclory/Deep-Iterative-Collaboration, code/utils/util.py",
            "nearest",
            8,
            True,
            "bicubic on its 1,000 CelebA pairs: 23.5797 dB, SSIM 0.6269, SSIM with overflow 0.6285",
        ),
        Published(
            "fsrnet",
            "FSRNet (Chen et al., CVPR 2018)",
            "no metric code at hand; of the roundings only this one gives both known numbers",
            "down",
            0,
            known="bicubic on its 50 Helen pairs: 23.690 dB, SSIM 0.6592",
        ),
        Published(
            "ctcnet",
            "CTCNet (Gao et al., IEEE Trans. Image Processing 2023)",
            "https://github.com/IVIPLab/CTCNet, psnr_ssim.py",
            "down",
            0,
        ),
        Published(
            "basicsr",
            "BasicSR, test_y_channel, crop_border equal to the scale",
            "https://github.com/XPixelGroup/BasicSR, basicsr/metrics/psnr_ssim.py",
            "none",
            8,
        ),
    )
}


def score_published(
    protocol: Published, output: np.ndarray, target: np.ndarray
) -> dict[str, float]:
    """`psnr_y`, `ssim_y` and, where the protocol has it, `ssim_overflow` of uint8 RGB (H, W, 3).

    Raises FaceRefError where the border leaves less than SSIM's window, 11 pixels.
    """
    low, high = (_plane(protocol, image) for image in (output, target))
    if min(low.shape) < 11:
        raise FaceRefError(
            f"{protocol.name} cuts {protocol.border} pixels at each side: of "
            f"{target.shape[1]}x{target.shape[0]} less than 11 are left. Score larger images."
        )
    found = {"psnr_y": psnr(low, high), "ssim_y": ssim(low, high)}
    if protocol.overflow:
        found["ssim_overflow"] = ssim(wrapped(low), wrapped(high))
    return found


def wrapped(plane: np.ndarray) -> np.ndarray:
    """Whole numbers times 255 as uint8 has it: modulo 256, which is minus the number.

    DIC's code multiplies uint8 Y, already up to 235, by 255. PSNR stays, as differences only change
    sign; SSIM changes, as its means do.
    """
    return (plane * 255) % 256


def _plane(protocol: Published, image: np.ndarray) -> np.ndarray:
    cut = protocol.border
    inner = image[cut : image.shape[0] - cut, cut : image.shape[1] - cut]
    if protocol.rounding == "down":
        # Whole Y of float64 may fall to either side: weights are divided first, as CTCNet does.
        return np.floor(16 + inner.astype(np.float64) @ (np.array(BT601) / 255))
    return np.rint(luma(inner)) if protocol.rounding == "nearest" else luma(inner)

"""How each choice in a protocol moves the number: bicubic on one set of faces, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmark.metrics.score import SIGMA, WINDOW, luma, psnr, ssim
from benchmark.protocol.degradation import degrade, upsample_bicubic
from benchmark.protocol.published import PUBLISHED, score_published, wrapped
from benchmark.protocol.tasks import HR_SIZE, LR_SIZE, SCALE
from faceref.errors import FaceRefError
from faceref.markdown import markdown_table

Resize = Callable[[np.ndarray], np.ndarray]
Measure = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Choice:
    """A whole protocol: what makes the LR face, upsamples it, and measures the result."""

    group: str
    title: str
    shrink: Resize = degrade
    grow: Resize = upsample_bicubic
    plane: Resize = luma
    """The numbers that are measured, of uint8 RGB (H, W, 3)."""
    border: int = 0
    psnr: Measure = psnr
    ssim: Measure = ssim


def choices() -> list[Choice]:
    """This benchmark's protocol, and each of its choices made otherwise."""
    own = Choice("This benchmark", "`-x8@1`")
    shrinking = [
        ("no antialias (OpenCV, torch default; a = -0.75)", _cv2_cubic(LR_SIZE)),
        ("area average (OpenCV INTER_AREA)", _cv2(LR_SIZE, cv2.INTER_AREA)),
        ("Lanczos (Pillow)", _pillow(LR_SIZE, Image.Resampling.LANCZOS)),
        ("bicubic in one step, mirrored border (MATLAB imresize)", matlab_shrink),
    ]
    growing = [
        ("OpenCV bicubic (a = -0.75)", _cv2_cubic(HR_SIZE)),
        ("Lanczos (Pillow)", _pillow(HR_SIZE, Image.Resampling.LANCZOS)),
        ("nearest pixel", _pillow(HR_SIZE, Image.Resampling.NEAREST)),
    ]
    colours = [
        ("Y rounded to whole numbers", lambda image: np.rint(luma(image))),
        ("Y cut to whole numbers", lambda image: np.floor(luma(image))),
        ("Y of full range (0.299, 0.587, 0.114)", full_range),
        ("RGB", lambda image: image.astype(np.float64)),
    ]
    found = [own]
    found += [replace(own, group="Shrinking", title=t, shrink=f) for t, f in shrinking]
    found += [replace(own, group="Upsampling", title=t, grow=f) for t, f in growing]
    found += [replace(own, group="Colour", title=t, plane=f) for t, f in colours]
    found += [replace(own, group="Border", title=f"{b} px cut", border=b) for b in (4, 8, 16)]
    return found + [replace(own, group="SSIM", title=t, ssim=f) for t, f in SSIMS]


def measure(choice: Choice, faces: np.ndarray) -> tuple[float, float]:
    """Mean PSNR in dB and SSIM of bicubic under `choice`, of uint8 RGB (N, 128, 128, 3)."""
    rows = [_one(choice, face) for face in faces]
    first, second = np.mean(rows, 0)
    return float(first), float(second)


def page(faces: np.ndarray, name: str) -> str:
    """PROTOCOLS.md: the table of all choices and of the published protocols, in Markdown."""
    own, *others = choices()
    base = measure(own, faces)
    rows = [[own.group, own.title, *_cells(base, base)]]
    rows += [[one.group, one.title, *_cells(measure(one, faces), base)] for one in others]
    lines = [HEADING.format(count=len(faces), name=name)]
    lines += markdown_table(["what", "choice", *NUMBERS], rows, "llrrrr")
    lines += ["", PUBLISHED_HEADING]
    lines += markdown_table(["protocol", *NUMBERS], _published_rows(faces, base))
    return "\n".join(lines) + "\n"


HEADING = """# How each choice moves the number

This table scores bicubic x8 on {count} faces ({name}), one choice changed at a time.
Differences are to the first row, the protocol of this benchmark.
Papers claim 0.1 dB as progress, so numbers of two protocols cannot be compared.
`facebench protocol NAME` says what a protocol measures. This page is made by
`facebench study protocols FACES --out docs/protocols.md`.
"""
PUBLISHED_HEADING = """## Published protocols

The same images, Pillow's bicubic both ways, measured as the papers did.
"""
NUMBERS = ("PSNR, dB", "difference", "SSIM", "difference")


def read_faces(folder: Path) -> np.ndarray:
    """uint8 RGB (N, 128, 128, 3): test of a Face_Ref, or the images of any folder.

    Raises FaceRefError where there are none or one is of another size.
    """
    if (folder / "face_ref.json").exists():
        from faceref.dataset.face_ref import FaceRef

        return FaceRef.open(folder).images("test")
    from benchmark.evaluation.folders import image_files, read_rgb

    paths = list(image_files(folder).values())
    faces = [read_rgb(path) for path in paths]
    for path, face in zip(paths, faces, strict=True):
        if face.shape != (HR_SIZE, HR_SIZE, 3):
            raise FaceRefError(
                f"{path} has {face.shape[1]}x{face.shape[0]} pixels, expected {HR_SIZE}x{HR_SIZE}. "
                "Build a Face_Ref of the folder: faceref build --source folder."
            )
    return np.stack(faces)


def matlab_shrink(image: np.ndarray) -> np.ndarray:
    """MATLAB's imresize by 1/8 of uint8 (H, W, 3): weights renormalised over a mirrored border,
    columns before rows, rounded once at the end."""
    matrix = _mirrored_matrix(image.shape[0], SCALE)
    columns = _mirrored_matrix(image.shape[1], SCALE)
    small = np.einsum("ih,hwc,jw->ijc", matrix, image.astype(np.float64), columns)
    return np.floor(np.clip(small, 0, 255) + 0.5).astype(np.uint8)


def full_range(image: np.ndarray) -> np.ndarray:
    """BT.601 Y over the full range, 0 to 255, as JPEG has it (ITU-T T.871)."""
    return image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def _mirrored_matrix(before: int, scale: int) -> np.ndarray:
    from benchmark.methods.resample import kernel

    matrix = np.zeros((before // scale, before))
    for row in range(len(matrix)):
        centre = (row + 0.5) * scale
        taps = np.arange(int(centre) - 2 * scale, int(centre) + 2 * scale)
        weights = kernel((taps + 0.5 - centre) / scale)
        mirrored = np.where(taps < 0, -1 - taps, np.minimum(taps, 2 * before - 1 - taps))
        np.add.at(matrix[row], mirrored, weights / weights.sum())
    return matrix


def _one(choice: Choice, face: np.ndarray) -> tuple[float, float]:
    images = choice.grow(choice.shrink(face)), face
    cut = slice(choice.border, HR_SIZE - choice.border)
    low, high = (choice.plane(image)[cut, cut] for image in images)
    return choice.psnr(low, high), _by_plane(choice.ssim, low, high)


def _by_plane(measured: Measure, low: np.ndarray, high: np.ndarray) -> float:
    if low.ndim == 2:
        return measured(low, high)
    return float(np.mean([measured(low[..., c], high[..., c]) for c in range(low.shape[2])]))


def _cells(found: Sequence[float], base: Sequence[float]) -> list[str]:
    psnr_over, ssim_over = found[0] - base[0], found[1] - base[1]
    return [f"{found[0]:.3f}", f"{psnr_over:+.3f}", f"{found[1]:.4f}", f"{ssim_over:+.4f}"]


def _published_rows(faces: np.ndarray, base: tuple[float, float]) -> list[list[str]]:
    rows = []
    for name, protocol in PUBLISHED.items():
        scores = [
            score_published(protocol, upsample_bicubic(degrade(face)), face) for face in faces
        ]
        mean = {metric: float(np.mean([row[metric] for row in scores])) for metric in scores[0]}
        rows.append([f"`{name}`", *_cells((mean["psnr_y"], mean["ssim_y"]), base)])
        if "ssim_overflow" in mean:
            cells = _cells((mean["psnr_y"], mean["ssim_overflow"]), base)
            rows.append([f"`{name}`, its historic SSIM with overflow", *cells])
    return rows


def _cv2(side: int, interpolation: int) -> Resize:
    return lambda image: cv2.resize(image, (side, side), interpolation=interpolation)


def _cv2_cubic(side: int) -> Resize:
    return _cv2(side, cv2.INTER_CUBIC)


def _pillow(side: int, kernel: Image.Resampling) -> Resize:
    return lambda image: np.asarray(Image.fromarray(image).resize((side, side), kernel))


def _windowed(
    mean: Resize, *, data_range: float = 255, gain: float = 1.0
) -> Callable[[np.ndarray, np.ndarray], float]:
    """SSIM with `mean` for the windows and (co)variances times `gain`."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2

    def measured(first: np.ndarray, second: np.ndarray) -> float:
        x, y = first.astype(np.float64), second.astype(np.float64)
        mean_x, mean_y = mean(x), mean(y)
        covariance = gain * (mean(x * y) - mean_x * mean_y)
        variances = gain * (mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2)
        top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        return float(np.mean(top / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))))

    return measured


def _gaussian(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT)


def _inside(plane: np.ndarray) -> np.ndarray:
    half = WINDOW // 2
    return _gaussian(plane)[half:-half, half:-half]


def _uniform(plane: np.ndarray) -> np.ndarray:
    return cv2.blur(plane, (7, 7))[3:-3, 3:-3]


def _overflow(first: np.ndarray, second: np.ndarray) -> float:
    return ssim(wrapped(np.rint(first)), wrapped(np.rint(second)))


SSIMS: list[tuple[str, Measure]] = [
    ("uniform 7x7, sample covariance (scikit-image default)", _windowed(_uniform, gain=49 / 48)),
    ("Gaussian, sample covariance", _windowed(_inside, gain=121 / 120)),
    ("Gaussian, border mirrored and counted", _windowed(_gaussian)),
    ("range 219 instead of 255", _windowed(_inside, data_range=219)),
    ("the whole plane as one window", _windowed(np.mean)),
    ("Y times 255 modulo 256 (DIC's overflow)", _overflow),
]

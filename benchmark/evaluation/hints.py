"""What may be wrong with outputs that score badly: said in a line, while the scores stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

FACES = 8
"""Looked at, evenly spaced."""
GAIN = 3.0
"""dB by which a change must raise PSNR to be worth a word."""
_TURNS = (
    "turned by 90 degrees",
    "turned by 180 degrees",
    "turned by 270 degrees",
    "mirrored",
    "mirrored and turned by 90 degrees",
    "upside down",
    "mirrored and turned by 270 degrees",
)
Change = Callable[[np.ndarray], np.ndarray]


def hint(outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> str | None:
    """What would raise the PSNR of `outputs` by `GAIN` or more; None where nothing would.

    Args:
        outputs: uint8 RGB images (H, W, 3).
        targets: Their targets, each of the size of its output.

    Returns:
        One line: red and blue swapped, turned as EXIF does, or shifted, and by how much PSNR rises.

    Example:
        >>> face = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        >>> hint([face[..., ::-1]], [face])[:67]
        'The outputs look as if red and blue are swapped (BGR): PSNR of 1 fa'
    """
    base = _psnr(outputs, targets, lambda image: image)
    found = [(_psnr(outputs, targets, change), what) for what, change in _changes(outputs, targets)]
    best, what = max(found)
    if best < base + GAIN:
        return None
    return (
        f"The outputs look as if {what}: PSNR of {len(outputs)} faces would be {best:.1f} dB, not "
        f"{base:.1f}. The scores are of the images as they are."
    )


def few(count: int) -> list[int]:
    """Which of `count` images to look at."""
    return sorted(set(np.linspace(0, count - 1, min(FACES, count)).round().astype(int).tolist()))


def _changes(
    outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> Iterator[tuple[str, Change]]:
    yield "red and blue are swapped (BGR)", lambda image: image[..., ::-1]
    for place, what in enumerate(_TURNS, 1):
        yield f"they are {what} (EXIF?)", lambda image, place=place: _turned(image, place)
    down, right = _shift(outputs[0], targets[0])
    shifted = f"they are shifted by {right} pixels to the right and {down} down"
    yield shifted, lambda image: np.roll(image, (-down, -right), (0, 1))


def _turned(image: np.ndarray, place: int) -> np.ndarray:
    """`image` as `_TURNS` says it was, turned back."""
    back = np.rot90(image, -(place % 4))
    return back[:, ::-1] if place >= 4 else back


def _shift(output: np.ndarray, target: np.ndarray) -> tuple[int, int]:
    """Pixels down and to the right by phase correlation (Kuglin and Hines, 1975)."""
    if output.shape != target.shape:
        return 0, 0
    ours, theirs = (np.fft.fft2(image.mean(-1)) for image in (output, target))
    cross = ours * theirs.conj()
    peak = np.fft.ifft2(cross / np.maximum(np.abs(cross), 1e-9)).real
    place = np.unravel_index(int(np.argmax(peak)), peak.shape)
    down, right = (
        int(at) - size if at > size // 2 else int(at)
        for at, size in zip(place, peak.shape, strict=True)
    )
    return down, right


def _psnr(outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], change: Change) -> float:
    """Mean PSNR in dB of changed outputs; a change of the size counts as nothing gained."""
    found = []
    for output, target in zip(outputs, targets, strict=True):
        changed = change(output)
        if changed.shape != target.shape:
            return 0.0
        error = float(np.mean((changed.astype(np.float32) - target) ** 2))
        found.append(10 * np.log10(255**2 / max(error, 1e-3)))
    return float(np.mean(found))

"""What is in the references, whatever a network makes of it: detail copied by patches.

The bicubic face gets, block by block of 8x8 pixels, the high frequencies of one block of one
reference. The block is chosen by the HR face (an oracle: the most that choosing can give), by
the LR face (what is known), or not at all (the mean of the references at the same place). What
the first is above the second is lost in choosing; what look-alikes are above random faces under the
first is what similarity adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.faces import Faces, as_batch, cycle
from benchmark.methods.patches import downsample_references, remap
from benchmark.methods.resample import upsample
from benchmark.metrics.score import BT601, luma
from benchmark.protocol.tasks import HR_SIZE
from benchmark.studies.study import CHOICES, Patches

BLOCK = 8
STEP = 4
"""Pixels between the blocks of a reference that may be chosen: 961 of each."""


def copied_patches(
    faces: Faces,
    references: Sequence[Sequence[int]],
    kind: str,
    count: int,
    report: Callable[[int], None],
) -> list[Patches]:
    """For each of `CHOICES`: PSNR-Y over bicubic of each face, from its first `count` references.

    References take on the face's tone. The detail is multiplied by one number for all faces, the
    one of least squares; it is found with the HR faces, as an upper bound.
    """
    sums: dict[str, list[tuple[float, float, float]]] = {choice: [] for choice in CHOICES}
    for row, listed in enumerate(references):
        for choice, found in _of_face(faces, row, cycle(list(listed), count)).items():
            sums[choice].append(found)
        report(row + 1)
    return [_scored(kind, count, choice, np.array(sums[choice])) for choice in CHOICES]


def _scored(kind: str, count: int, choice: str, sums: np.ndarray) -> Patches:
    """`sums` (N, 3): products of the detail with what lacks, of it with itself, of that too."""
    gain = sums[:, 0].sum() / max(sums[:, 1].sum(), 1e-9)
    left = sums[:, 2] - 2 * gain * sums[:, 0] + gain**2 * sums[:, 1]
    over = 10 * np.log10(np.maximum(sums[:, 2], 1e-9) / np.maximum(left, 1e-9))
    return Patches(kind, count, choice, round(float(gain), 4), [round(v, 4) for v in over.tolist()])


def _of_face(
    faces: Faces, row: int, references: Sequence[int]
) -> dict[str, tuple[float, float, float]]:
    lr, hr = as_batch(faces.lr[row : row + 1]), faces.hr[row]
    refs = as_batch(faces.pool.images[list(references)]).unsqueeze(0)
    refs, lr_refs = remap(refs, downsample_references(refs), lr)
    base, low = _luma(upsample(lr, 8)), _luma(upsample(lr_refs[0], 8))
    lacking = torch.from_numpy(luma(hr)).float()[None, None] - base
    high = _luma(refs[0]) - low
    wanted, known = _blocks(lacking, BLOCK), _blocks(base, BLOCK)
    there, seen = _blocks(high, STEP), _blocks(low, STEP)
    chosen = {
        "lr": there[_nearest(known, seen)],
        "place": _blocks(high.mean(0, keepdim=True), BLOCK),
        "hr": there[_nearest(wanted, there)],
    }
    own = float((wanted * wanted).sum())
    return {
        choice: (float((detail * wanted).sum()), float((detail * detail).sum()), own)
        for choice, detail in chosen.items()
    }


def _luma(images: Tensor) -> Tensor:
    """BT.601 Y on the 0-255 scale, (N, 1, H, W), of RGB (N, 3, H, W) in [0, 1]."""
    weights = images.new_tensor(BT601).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True) + 16


def _blocks(planes: Tensor, step: int) -> Tensor:
    """Blocks of planes (N, 1, 128, 128), `step` pixels apart, as rows (N * blocks, 64)."""
    assert planes.shape[-1] == HR_SIZE
    return F.unfold(planes, BLOCK, stride=step).transpose(1, 2).flatten(0, 1)


def _nearest(asked: Tensor, there: Tensor) -> Tensor:
    """Row of `there` (P, D) at the least Euclidean distance from each of `asked` (Q, D)."""
    asked, there = asked.double(), there.double()  # Blocks of skin differ in the last digits.
    return ((there * there).sum(1) - 2 * asked @ there.T).min(1).indices

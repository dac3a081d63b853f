"""PSNR and SSIM of many images at once, on any device.

The definitions are those of `score`; what differs is the arithmetic. In float32, with the mean of
each pair taken off before anything is squared, SSIM is within 1e-6 of scikit-image's. On the CPU
pairs are scored one by one (`pair`), on as many threads as torch has; elsewhere in batches.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from benchmark.metrics.pair import PairScorer
from benchmark.metrics.registry import METRICS
from benchmark.metrics.score import BT601, C1, C2, IDENTICAL, SIGMA, WINDOW

CHUNK = 64
"""Images, and planes of them, that a device scores at a time."""


def score_batch(outputs: Tensor, targets: Tensor) -> dict[str, np.ndarray]:
    """The metrics of `benchmark.metrics.registry.METRICS`, each float64 (N,).

    `outputs` and `targets` are uint8 RGB (N, H, W, 3) on one device, sides of at least 11. Raises
    ValueError for another dtype or where shapes differ.
    """
    if outputs.shape != targets.shape or {outputs.dtype, targets.dtype} != {torch.uint8}:
        raise ValueError(
            f"need two uint8 batches of one shape, got {tuple(outputs.shape)} {outputs.dtype} "
            f"and {tuple(targets.shape)} {targets.dtype}"
        )
    return _on_cpu(outputs, targets) if outputs.device.type == "cpu" else _batched(outputs, targets)


def _on_cpu(outputs: Tensor, targets: Tensor) -> dict[str, np.ndarray]:
    workers = min(torch.get_num_threads(), max(len(outputs), 1))
    pairs = [(outputs[start::workers], targets[start::workers]) for start in range(workers)]
    found = np.zeros((len(outputs), len(METRICS)))
    with ThreadPoolExecutor(workers) as pool:
        for start, rows in enumerate(pool.map(_score_pairs, pairs)):
            found[start::workers] = rows
    return dict(zip(METRICS, found.T, strict=True))


def _score_pairs(pairs: tuple[Tensor, Tensor]) -> np.ndarray:
    outputs, targets = (images.numpy() for images in pairs)
    scorer = PairScorer(*outputs.shape[1:3])
    rows = [scorer.score(*pair) for pair in zip(outputs, targets, strict=True)]
    return np.array(rows).reshape(-1, len(METRICS))


def _batched(outputs: Tensor, targets: Tensor) -> dict[str, np.ndarray]:
    parts = [_score(*pair) for pair in zip(outputs.split(CHUNK), targets.split(CHUNK), strict=True)]
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}


def _score(outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    x, y = (images.permute(0, 3, 1, 2).contiguous().float() for images in (outputs, targets))
    error = x - y
    luma_x, luma_y = _luma(x) + 16, _luma(y) + 16
    return {
        "psnr_y": psnr_of(_mean(_luma(error).square())),
        "ssim_y": ssim_batch(luma_x, luma_y),
        "psnr_rgb": psnr_of(_mean(error.square()).mean(1)),
        "ssim_rgb": ssim_batch(x.flatten(0, 1), y.flatten(0, 1)).view(-1, 3).mean(1),
    }


def psnr_of(error: Tensor) -> Tensor:
    """PSNR in dB of mean squared errors on the 0-255 scale, at most 100."""
    return (10 * torch.log10(255**2 / error.double())).clamp(max=IDENTICAL)


def ssim_batch(x: Tensor, y: Tensor) -> Tensor:
    """Mean SSIM, float64 (N,), of planes (N, H, W) on the 0-255 scale; see `ssim.ssim`.

    Computed in the dtype of the planes, float32 or float64. Only the sum of the two variances
    enters the formula, so four maps are blurred, not five.
    """
    return torch.cat([_ssim(*pair) for pair in zip(x.split(CHUNK), y.split(CHUNK), strict=True)])


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    centre = (x + y).mean((1, 2), keepdim=True) / 2
    maps = x.new_empty(4, *x.shape)
    x, y = torch.sub(x, centre, out=maps[0]), torch.sub(y, centre, out=maps[1])
    torch.mul(x, x, out=maps[2]).addcmul_(y, y)
    torch.mul(x, y, out=maps[3])
    mean_x, mean_y, squares, product = _blur(maps)
    crossed, squared = mean_x * mean_y, (mean_x * mean_x).addcmul_(mean_y, mean_y)
    contrast = (product - crossed).mul_(2).add_(C2)
    spread = (squares - squared).add_(C2)
    lift = (mean_x + mean_y).mul_(2 * centre).add_(2 * centre * centre + C1)
    top = crossed.mul_(2).add_(lift).mul_(contrast)
    return _mean(top.div_(squared.add_(lift).mul_(spread)))


def _mean(planes: Tensor) -> Tensor:
    return planes.mean((-2, -1), dtype=torch.float64)


def _luma(planes: Tensor) -> Tensor:
    red, green, blue = (weight / 255 for weight in BT601)
    return planes[:, 0] * red + planes[:, 1] * green + planes[:, 2] * blue


def _blur(maps: Tensor) -> Tensor:
    """Gaussian mean of (..., H, W) where the window fits inside."""
    for axis in (-2, -1):
        length = maps.shape[axis] - WINDOW + 1
        shifted = [maps.narrow(axis, place, length) for place in range(WINDOW)]
        middle = WINDOW // 2
        maps = shifted[middle] * _window()[middle]
        for place in range(middle):
            pair = shifted[place] + shifted[-1 - place]
            maps.add_(pair, alpha=_window()[place])
    return maps


@lru_cache(maxsize=1)
def _window() -> list[float]:
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    return (weights / weights.sum()).tolist()

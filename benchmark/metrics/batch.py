"""PSNR and SSIM of many pairs of images, in float32, in as few passes as can be.

The definitions are those of `score`. With s = x + y and d = x - y, Wang's SSIM is

    (A - B)(V - W) / ((A + B)(V + W)),  A = S^2 + 2 C1,  B = D^2,  V = var s + 2 C2,  W = var d

where S and D are the blurred s and d. The blurred s and d of Y are those of the colours, weighted,
so fourteen planes are blurred for the four metrics, not sixteen; and d gives PSNR as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch

from benchmark.metrics.registry import METRICS
from benchmark.metrics.score import BT601, C1, C2, IDENTICAL, SIGMA, WINDOW

LUMA = (np.array([BT601]) / 255).astype(np.float32)
HALF = WINDOW // 2


def score_batch(outputs: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """The four metrics of every result for many pairs, on as many threads as torch has.

    Args:
        outputs: uint8 RGB, (N, H, W, 3), sides of at least 11.
        targets: The same shape.

    Returns:
        For each of `benchmark.metrics.registry.METRICS` float64 (N,): PSNR in dB, at most 100;
        SSIM within 1e-6 of scikit-image's. They do not depend on the number of threads.

    Raises:
        ValueError: For another dtype, or where shapes differ.

    Example:
        >>> faces = np.zeros((2, 128, 128, 3), np.uint8)
        >>> score_batch(faces, faces)["psnr_y"].tolist()
        [100.0, 100.0]
    """
    if outputs.shape != targets.shape or {outputs.dtype, targets.dtype} != {np.dtype(np.uint8)}:
        raise ValueError(
            f"need two uint8 batches of one shape, got {outputs.shape} {outputs.dtype} "
            f"and {targets.shape} {targets.dtype}"
        )
    workers = min(torch.get_num_threads(), max(len(outputs), 1))
    pairs = [(outputs[start::workers], targets[start::workers]) for start in range(workers)]
    found = np.zeros((len(outputs), len(METRICS)))
    with ThreadPoolExecutor(workers) as pool:
        for start, rows in enumerate(pool.map(_score_pairs, pairs)):
            found[start::workers] = rows
    return dict(zip(METRICS, found.T, strict=True))


def _score_pairs(pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    outputs, targets = pairs
    scorer = _PairScorer(*outputs.shape[1:3])
    rows = [scorer.score(*pair) for pair in zip(outputs, targets, strict=True)]
    return np.array(rows).reshape(-1, len(METRICS))


class _PairScorer:
    """Scores pairs of one size; keeps its arrays from pair to pair, so it is for one thread."""

    def __init__(self, height: int, width: int) -> None:
        self._rgb = [np.empty((height, width, 3), np.float32) for _ in range(6)]
        self._luma = [np.empty((height, width), np.float32) for _ in range(6)]

    def score(self, output: np.ndarray, target: np.ndarray) -> tuple[float, float, float, float]:
        """`psnr_y`, `ssim_y`, `psnr_rgb` and `ssim_rgb` of uint8 RGB (H, W, 3), sides of 11 up.

        SSIM is within 1e-6 of scikit-image's.
        """
        total, apart, mean_s, mean_d = self._rgb[:4]
        mean_s[:], mean_d[:] = output, target
        cv2.add(mean_s, mean_d, dst=total)
        cv2.subtract(mean_s, mean_d, dst=apart)
        # Less its mean, the sum is small enough for its square in float32.
        centre = cv2.mean(total)
        cv2.subtract(total, centre, dst=total)  # pyright: ignore[reportCallIssue, reportArgumentType]
        _blur(total, mean_s)
        _blur(apart, mean_d)
        for plane, luma in zip(self._rgb[:4], self._luma[:4], strict=True):
            cv2.transform(plane, LUMA, dst=luma)
        centre_y = 32 + float(LUMA[0] @ np.array(centre[:3]))
        error, ssim_rgb = _finish(self._rgb, centre)
        error_y, ssim_y = _finish(self._luma, (centre_y, 0, 0, 0))
        return _psnr(error_y[:1]), ssim_y[0], _psnr(error[:3]), sum(ssim_rgb[:3]) / 3


def _finish(
    planes: Sequence[np.ndarray], centre: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Mean squared difference and mean SSIM of each plane.

    `planes` are s, d, both blurred, and two to write to; all are overwritten.
    """
    total, apart, mean_s, mean_d, spread_s, spread_d = planes
    cv2.multiply(total, total, dst=total)
    cv2.multiply(apart, apart, dst=apart)
    error = cv2.mean(apart)
    _blur(total, spread_s)
    _blur(apart, spread_d)
    cv2.multiply(mean_s, mean_s, dst=total)
    cv2.subtract(spread_s, total, dst=spread_s)
    cv2.add(mean_s, centre, dst=mean_s)  # pyright: ignore[reportCallIssue, reportArgumentType]
    lit = cv2.multiply(mean_s, mean_s, dst=mean_s)
    dark = cv2.multiply(mean_d, mean_d, dst=mean_d)
    cv2.subtract(spread_d, dark, dst=spread_d)
    cv2.addWeighted(lit, 1, dark, -1, 2 * C1, dst=total)
    cv2.addWeighted(lit, 1, dark, 1, 2 * C1, dst=apart)
    cv2.addWeighted(spread_s, 1, spread_d, -1, 2 * C2, dst=lit)
    cv2.addWeighted(spread_s, 1, spread_d, 1, 2 * C2, dst=dark)
    cv2.multiply(total, lit, dst=total)
    cv2.multiply(apart, dark, dst=apart)
    cv2.divide(total, apart, dst=total)
    return error, cv2.mean(total[HALF:-HALF, HALF:-HALF])


def _blur(image: np.ndarray, result: np.ndarray) -> None:
    cv2.GaussianBlur(image, (WINDOW, WINDOW), SIGMA, result, borderType=cv2.BORDER_REFLECT_101)


def _psnr(errors: Sequence[float]) -> float:
    error = sum(errors) / len(errors)
    return float(min(IDENTICAL, 10 * np.log10(255**2 / error))) if error else IDENTICAL

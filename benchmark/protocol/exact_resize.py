"""Pillow's bicubic on 8-bit images, bit for bit, in batches and on any device of torch.

Pillow (src/libImaging/Resample.c) resamples rows, then columns, and rounds to uint8 after each. Its
weights are integers with 22 binary places; a sum has half a unit added, is shifted right by 22 and
clipped. All of that is whole numbers, so any order of summation gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmark.methods.resample import kernel

PLACES = 22
"""Binary places of a weight: 32, less 8 for a byte, less 2 for sums beyond it."""
LIMB = 7
"""Bits of a part of a weight. Pairs of products then stay below 2^15, which the 8-bit instructions
of processors without VNNI need."""
CHUNK = 1 << 17
"""Pixels that are resampled at a time: their sums stay in the cache."""


@lru_cache(maxsize=32)
def weights(before: int, after: int) -> np.ndarray:
    """Pillow's int64 weights (after, before) for a line of `before` pixels."""
    scale = before / after
    stretch = max(scale, 1.0)
    found = np.zeros((after, before), np.int64)
    for place in range(after):
        centre = (place + 0.5) * scale
        first = max(int(centre - 2 * stretch + 0.5), 0)
        last = min(int(centre + 2 * stretch + 0.5), before)
        line = kernel((np.arange(first, last) - centre + 0.5) / stretch)
        scaled = line / line.cumsum()[-1] * 2**PLACES
        found[place, first:last] = np.trunc(scaled + np.copysign(0.5, scaled))
    return found


def shrink(images: Tensor, scale: int) -> Tensor:
    """uint8 (N, H, W, C) to uint8 (N, H / scale, W / scale, C), antialiased.

    The bytes are those of `Image.resize(..., Resampling.BICUBIC)`, on any device. Both sides change
    by one factor: for others Pillow's versions differ in which pass comes first. Raises ValueError
    for another dtype or shape and where `scale` does not divide a side.
    """
    if images.ndim == 4 and (images.shape[1] % scale or images.shape[2] % scale):
        raise ValueError(f"sides {tuple(images.shape[1:3])} are no multiples of {scale}")
    return _in_chunks(images, lambda side: side // scale)


def enlarge(images: Tensor, scale: int) -> Tensor:
    """uint8 (N, H, W, C) to uint8 (N, H * scale, W * scale, C); see `shrink`."""
    return _in_chunks(images, lambda side: side * scale)


def _in_chunks(images: Tensor, new: Callable[[int], int]) -> Tensor:
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"need uint8 (N, H, W, C), got {images.dtype} {tuple(images.shape)}")
    _, height, width, _ = images.shape
    size = max(1, CHUNK // max(height * width, new(height) * new(width), 1))
    parts = _on_threads(partial(_resize, height=new(height), width=new(width)), images.split(size))
    return torch.cat(parts) if len(parts) != 1 else parts[0]


def _on_threads(work: Callable[[Tensor], Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
    """`work` on each part, on as many threads as torch may use for parts on the CPU."""
    threads = min(torch.get_num_threads(), len(parts))
    if threads < 2 or parts[0].device.type != "cpu":
        return [work(part) for part in parts]
    # Torch counts threads for each caller: its own would wait for each other after every step.
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(work, parts))
        finally:
            torch.set_num_threads(torch.get_num_threads())


def _resize(images: Tensor, height: int, width: int) -> Tensor:
    count, rows, columns, planes = images.shape
    lines = _planes(images).view(-1, columns)
    wide = _lines(lines, width).view(planes, count, rows, width)
    lines = wide.transpose(2, 3).reshape(-1, rows)
    resized = _lines(lines, height).view(planes, count, width, height)
    return resized.permute(1, 3, 2, 0).contiguous()


def _planes(images: Tensor) -> Tensor:
    """The colours of uint8 (N, H, W, C) apart: (C, N, H, W)."""
    if images.device.type != "cpu" or not images.numel():
        return images.permute(3, 0, 1, 2).contiguous()
    # OpenCV takes colours apart ten times as fast as torch.
    count, rows, columns, planes = images.shape
    apart = np.empty((planes, count * rows, columns), np.uint8)
    cv2.split(images.contiguous().view(-1, columns, planes).numpy(), list(apart))
    return torch.from_numpy(apart).view(planes, count, rows, columns)


def _lines(lines: Tensor, after: int) -> Tensor:
    """Resample each of `lines`, uint8 (M, before), to uint8 (M, after)."""
    sums = _sums_of_bytes if lines.device.type == "cpu" else _sums_of_doubles
    return sums(lines, after).bitwise_right_shift_(PLACES).clamp_(0, 255).to(torch.uint8)


def _sums_of_bytes(lines: Tensor, after: int) -> Tensor:
    """Weighted sums and half a unit, int32, by products of bytes."""
    parts, offset = _limbs(lines.shape[1], after)
    centred = (lines ^ 128).view(torch.int8)
    product = torch._int_mm(centred, parts)  # pyright: ignore[reportPrivateImportUsage]
    found = product.view(len(lines), -1, after)
    total = found[:, 0]
    for place in range(1, found.shape[1]):
        total = torch.add(found[:, place], total, alpha=1 << LIMB)
    return total.add_(offset)


def _sums_of_doubles(lines: Tensor, after: int) -> Tensor:
    """The same sums by float64, which holds them without error."""
    matrix = torch.from_numpy(weights(lines.shape[1], after).T.copy()).to(lines.device)
    return (lines.double() @ matrix.double()).to(torch.int64).add_(1 << (PLACES - 1))


@lru_cache(maxsize=32)
def _limbs(before: int, after: int) -> tuple[Tensor, Tensor]:
    """Weights as int8 parts (before, parts * after), highest first, and what to add to a sum over
    bytes less 128."""
    rest = weights(before, after).T
    offset = 128 * rest.sum(0) + (1 << (PLACES - 1))
    half = 1 << (LIMB - 1)
    parts = []
    while rest.any():
        low = (rest + half) % (1 << LIMB) - half
        parts.append(low)
        rest = (rest - low) >> LIMB
    joined = np.concatenate(parts[::-1], 1).astype(np.int8)
    return torch.from_numpy(joined), torch.from_numpy(offset.astype(np.int32))

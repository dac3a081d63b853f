"""Whether a device is fast in bf16, or would be slowed by it."""

from __future__ import annotations

import torch

from faceref.errors import unknown_choice

PRECISIONS = ("auto", "bf16", "fp32")


def computes_bf16(device: torch.device) -> bool:
    """Whether bf16 is computed on `device` by kernels made for it.

    On a CPU: whether oneDNN has them, which takes AVX-512. Elsewhere torch imitates them: on a CPU
    that has AVX2 only, autocast to bf16 made training 10 to 16 times slower than float32
    (`benchmarks/train_speed.py`).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return False


def choose_precision(asked: str, device: torch.device) -> str:
    """`bf16` or `fp32`; `auto` is bf16 where the device has kernels for it.

    Raises FaceRefError for what is not in `PRECISIONS`.
    """
    if asked not in PRECISIONS:
        raise unknown_choice("precision", asked, PRECISIONS)
    if asked == "auto":
        return "bf16" if computes_bf16(device) else "fp32"
    return asked

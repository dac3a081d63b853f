"""What a method costs: multiply-adds, time, memory."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from faceref.hardware import hardware


@dataclass(frozen=True)
class Cost:
    """What one face costs, and on what machine; None where the network is not at hand."""

    parameters: int | None = None
    """Numbers that the network learns, an error memory's among them."""
    macs: int | None = None
    """Multiply-adds for one face."""
    milliseconds: float | None = None
    """Median time of one face at batch size 1 in float32."""
    peak_memory_mib: float | None = None
    """Of the process, or of the device where that is a GPU."""
    hardware: dict[str, Any] = field(default_factory=dict)


def measure_cost(model: nn.Module, lr: Tensor, refs: Tensor) -> Cost:
    """The cost of `model` for one face (1, 3, 16, 16) with its references (1, K, 3, 128, 128)."""
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=count_macs(model, lr, refs),
        milliseconds=round(1000 * seconds_per_face(model, lr, refs), 2),
        hardware=hardware(lr.device),
        peak_memory_mib=peak_memory_mib(lr.device),
    )


@torch.no_grad()
def count_macs(model: nn.Module, lr: Tensor, refs: Tensor) -> int:
    """Multiply-adds of convolutions and matrix products for one face, by torch's counter."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(lr, refs)
    return counter.get_total_flops() // 2


@torch.no_grad()
def seconds_per_face(model: nn.Module, lr: Tensor, refs: Tensor, repeats: int = 7) -> float:
    """Median time of one call after two to warm up."""
    times = []
    for _ in range(repeats + 2):
        _wait(lr)
        start = time.perf_counter()
        model(lr, refs)
        _wait(lr)
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def _wait(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def peak_memory_mib(device: torch.device) -> float:
    """Most memory held so far, in MiB: of this process on a CPU, of torch on a GPU."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)

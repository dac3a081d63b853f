"""What this machine has: cores, disk, shared memory, devices and the precision they compute in.

Importing it does not import torch.
"""

from __future__ import annotations

import math
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from faceref.errors import FaceRefError, unknown_choice

if TYPE_CHECKING:
    import torch

CGROUP = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
SHARED_MEMORY = Path("/dev/shm")


def usable_cores() -> int:
    """Cores that this process may use: by its affinity, and by the quota of its container."""
    cores = affinity_cores()
    quota = cgroup_cores()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def affinity_cores() -> int:
    """Cores that the scheduler may put this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cgroup_cores(root: Path = CGROUP, membership: Path = MEMBERSHIP) -> float | None:
    """Cores' worth of time that the cgroup grants, None for no limit.

    The least `cpu.max` of this process's group and those above it; in version 1 the quota of the
    `cpu` controller (kernel documentation, admin-guide/cgroup-v2 and scheduler/sched-bwc).
    """
    old = root / "cpu"
    pairs = [_words(folder / "cpu.max") for folder in (root, *_own_groups(root, membership))]
    pairs.append(_words(old / "cpu.cfs_quota_us") + _words(old / "cpu.cfs_period_us"))
    limits = [int(pair[0]) / int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0].isdigit()]
    return min(limits, default=None)


def _own_groups(root: Path, membership: Path) -> list[Path]:
    lines = membership.read_text().splitlines() if membership.exists() else []
    names = [line[3:].strip("/") for line in lines if line.startswith("0::")]
    groups = [root / name for name in names if name]
    return [
        folder for group in groups for folder in (group, *group.parents) if root in folder.parents
    ]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is or would be made."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def shared_memory_bytes() -> int | None:
    """Size of the shared memory, which Ray keeps objects in; None where there is none."""
    return shutil.disk_usage(SHARED_MEMORY).total if SHARED_MEMORY.is_dir() else None


PRECISIONS = ("auto", "bf16", "fp32")


def computes_bf16(device: torch.device) -> bool:
    """Whether bf16 is computed on `device` by kernels made for it.

    On a CPU: whether oneDNN has them, which takes AVX-512. Elsewhere torch imitates them: on a CPU
    that has AVX2 only, autocast to bf16 made training 10 to 16 times slower than float32
    (`tests/speed/train_speed.py`).
    """
    import torch

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


DEVICES = ("cpu", "cuda")


def open_device(name: str) -> torch.device:
    """The device `cpu` or `cuda`; raises FaceRefError where it is not to be had.

    float32 on a GPU is float32 from then on: without being told, cuDNN rounds the inputs of
    convolutions to TF32, of ten bits.
    """
    import torch

    if name not in DEVICES:
        raise unknown_choice("device", name, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise FaceRefError(
            "--device cuda: torch sees no CUDA device here. "
            "Check `nvidia-smi` and that torch is a CUDA build, or use --device cpu."
        )
    if name == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(name)


def hardware(device: torch.device) -> dict[str, str | int]:
    """What a result says about the machine."""
    import torch

    if device.type == "cuda":
        return {"device": torch.cuda.get_device_name(device), "threads": torch.get_num_threads()}
    return {"device": _cpu_name(), "threads": torch.get_num_threads(), "cores": os.cpu_count() or 1}


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of what numbers depend on."""
    import numpy
    import PIL
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
    }

"""Where computing happens, said loudly."""

from __future__ import annotations

import os
import platform

import torch

from faceref.errors import FaceRefError, unknown_choice

DEVICES = ("cpu", "cuda")


def open_device(name: str) -> torch.device:
    """The device `cpu` or `cuda`; raises FaceRefError where it is not to be had."""
    if name not in DEVICES:
        raise unknown_choice("device", name, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise FaceRefError(
            "--device cuda: torch sees no CUDA device here. "
            "Check `nvidia-smi` and that torch is a CUDA build, or use --device cpu."
        )
    return torch.device(name)


def hardware(device: torch.device) -> dict[str, str | int]:
    """What a result says about the machine."""
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

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
    }

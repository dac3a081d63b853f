"""ONNX networks in bf16 on a CPU, through OpenVINO: nearly twice as fast where the CPU has bf16."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from faceref.errors import FaceRefError
from faceref.hardware import usable_cores


def need_bf16(name: str, device: str) -> None:
    """Raise FaceRefError, with the way out, where an embedder cannot be opened in bf16 here.

    Args:
        name: Of the embedder.
        device: `cpu` or `cuda`.
    """
    if name != "insightface" or device != "cpu":
        raise FaceRefError(
            f"--precision bf16 is for the embedder 'insightface' on a CPU, not for {name!r} on "
            f"{device}. Leave it out."
        )
    try:
        import openvino  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise FaceRefError(
            "--precision bf16 needs OpenVINO: pip install 'face-ref[openvino]', or leave it out."
        ) from error
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise FaceRefError(
            "--precision bf16: this CPU does not compute in bf16 (AVX512-BF16 or AMX), so that "
            "nothing would be gained. Leave it out."
        )


class Bf16Session:
    """What insightface asks of an onnxruntime session, in bf16. Safe to call from threads."""

    def __init__(self, path: Path) -> None:
        """Open the ONNX file at `path`; each call then takes one of the usable cores."""
        import openvino  # pyright: ignore[reportMissingImports]

        cores = usable_cores()
        options = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": cores,
        }
        core = openvino.Core()
        self._model = core.compile_model(core.read_model(path), "CPU", options)
        self._own = threading.local()

    def run(self, names: Sequence[str], feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs of these names, float32, for the one input that `feed` has."""
        if not hasattr(self._own, "request"):
            self._own.request = self._model.create_infer_request()
        (given,) = feed.values()
        found = self._own.request.infer([given])
        return [found[name] for name in names]

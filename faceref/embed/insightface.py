"""Embedder from an insightface model pack: SCRFD detection and an ArcFace recognition model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceref.embed.align import ARCFACE, Landmarks
from faceref.embed.base import Detection, normalise
from faceref.embed.bf16 import Bf16Session
from faceref.errors import FaceRefError
from faceref.files import file_sha256
from faceref.outputs.writable import need_folder

THRESHOLD = 0.5
CPU_BATCH = 4
"""Faces embedded at a time: at 32 the activations leave the cache and each takes twice as long."""
GPU_BATCH = 16
TASKS = ("detection", "recognition")
LONGEST = 200
"""Characters of onnxruntime's message that are passed on."""
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
OPTIONS = {"cpu": {}, "cuda": {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}}
"""float32 as on a CPU, and algorithms of cuDNN that are not chosen by timing anew for each size of
a batch, which would change the last digits from run to run."""


def find_pack(pack: str) -> Path:
    """The folder of a model pack: `pack` itself, or the pack of that name, fetched if need be."""
    folder = Path(pack).expanduser()
    if folder.is_dir():
        return folder
    if os.sep in pack or pack.startswith("."):
        raise FaceRefError(
            f"No model pack at {pack}: the folder does not exist. Give a folder of ONNX files, the "
            "name of a pack such as buffalo_l, or use --embedder dlib, which needs none."
        )
    from insightface.utils.storage import ensure_available

    kept = Path("~/.insightface/models").expanduser() / pack
    if not kept.exists():
        need_folder(kept, "the model pack, which is kept below HOME, to")
    try:
        return Path(ensure_available("models", pack))
    except Exception as error:
        raise FaceRefError(
            f"Cannot fetch the model pack {pack!r} ({type(error).__name__}). Check the name and "
            f"the connection, unpack it by hand to ~/.insightface/models/{pack}, give a local "
            "folder with --pack DIR, or use --embedder dlib, which works offline."
        ) from error


def _load_models(folder: Path, device: str) -> dict[str, Any]:
    import onnxruntime
    from insightface.model_zoo import get_model

    provider = PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        raise FaceRefError(
            f"--device {device}: this onnxruntime has no {provider}. "
            "Install onnxruntime-gpu in place of onnxruntime, or use --device cpu."
        )
    if device == "cuda" and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # CUDA and cuDNN from torch or the nvidia-* wheels
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.glob("*.onnx") if path.name[0] != "."):
        try:
            model = get_model(
                str(path), providers=[(provider, OPTIONS[device])], sess_options=options
            )
        except Exception as error:
            raise _unopened(path, error) from error
        task = getattr(model, "taskname", None)
        if model is not None and task in TASKS:
            if task in found:
                raise FaceRefError(
                    f"{folder} has two {task} models: {Path(found[task].model_file).name} and "
                    f"{path.name}. Leave the one in it that is to be used."
                )
            _refuse_fallback(model.session, provider, path, device)
            found[task] = model
    return found


def _unopened(path: Path, error: Exception) -> FaceRefError:
    """The error for a file that onnxruntime does not take for a model, or cannot open here."""
    text = " ".join(str(error).replace(str(path), path.name).split())[:LONGEST]
    return FaceRefError(
        f"Cannot open the model {path} of {path.stat().st_size:,} bytes ({text}). If it is cut off "
        "or damaged, take the pack again, or remove the file if it is none of the pack's."
    )


def _refuse_fallback(session: Any, provider: str, path: Path, device: str) -> None:
    """Raise FaceRefError where `session` does not run on `provider`, nor let it change to another.

    onnxruntime lists a provider that it was built with and, where its libraries do not load, makes
    a session on the CPU with a line in the log; a call that fails on the GPU it does on the CPU.
    """
    used = session.get_providers()
    if provider not in used:
        raise FaceRefError(
            f"--device {device}: onnxruntime opened {path.name} on {', '.join(used)} in place of "
            f"{provider}: its CUDA or cuDNN libraries do not load, or no device is free. Run "
            f"faceref doctor --device {device}, or use --device cpu."
        )
    session.disable_fallback()


class PackEmbedder:
    """SCRFD and ArcFace of one model pack. Each call uses one thread: callers run many."""

    scheme: Landmarks = ARCFACE

    def __init__(
        self, folder: Path, det_size: int, device: str = "cpu", precision: str = "fp32"
    ) -> None:
        if det_size < 64 or det_size % 32:
            raise FaceRefError(
                f"--det-size {det_size}: SCRFD needs a multiple of 32, at least 64, such as 320."
            )
        models = _load_models(folder, device)
        missing = [task for task in TASKS if task not in models]
        if missing:
            raise FaceRefError(
                f"{folder} is no usable model pack: no {' and no '.join(missing)} model among its "
                "*.onnx files. It needs a SCRFD detector with landmarks and an ArcFace embedder."
            )
        self.folder, self.det_size, self.precision = folder, det_size, precision
        self._detector, self._recogniser = models["detection"], models["recognition"]
        if not self._detector.use_kps:
            raise FaceRefError(
                f"{self._detector.model_file} finds boxes, no landmarks, so that no face can be "
                "aligned. Take a pack whose detector has five points (its name often has kps)."
            )
        self._detector.prepare(0, input_size=(det_size, det_size), det_thresh=THRESHOLD)
        if precision == "bf16":
            self._use_bf16()
        fixed = isinstance(self._recogniser.input_shape[0], int)
        free = CPU_BATCH if device == "cpu" else GPU_BATCH
        self.batch_size = self._recogniser.input_shape[0] if fixed else free

    def _use_bf16(self) -> None:
        self._detector.static_shape_sessions = False  # insightface would open others for a size.
        for model in (self._detector, self._recogniser):
            model.session = Bf16Session(Path(model.model_file))

    def finest(self, _: int) -> float:
        """Where SCRFD 2.5g finds 96 of 100 faces of LFW that are 12 pixels wide."""
        return 1.0

    def detect(self, image: np.ndarray) -> list[Detection]:
        """All faces above the threshold; see `Embedder.detect`.

        None in an image so narrow that nothing is left of it in the detector's square.
        """
        if min(image.shape[:2]) * self.det_size < max(image.shape[:2]):
            return []
        boxes, points = self._detector.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return [
            Detection(tuple(box[:4].tolist()), float(box[4]), five.astype(np.float32))
            for box, five in zip(boxes, points, strict=True)
        ]

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Embeddings of the 112x112 windows at (8, 0); see `Embedder.embed`."""
        windows = np.ascontiguousarray(faces[:, :112, 8:120, ::-1])
        steps = range(0, len(windows), self.batch_size)
        found = [
            self._recogniser.get_feat(list(windows[start : start + self.batch_size]))
            for start in steps
        ]
        return normalise(np.concatenate(found))

    def provenance(self) -> dict[str, Any]:
        """See `Embedder.provenance`."""
        files = {
            task: {
                "file": Path(model.model_file).name,
                "sha256": file_sha256(Path(model.model_file)),
            }
            for task, model in (("detection", self._detector), ("recognition", self._recogniser))
        }
        return {
            "name": "insightface",
            "pack": self.folder.name,
            "models": files,
            "det_size": self.det_size,
            "det_threshold": THRESHOLD,
            "landmarks": self.scheme.name,
            "template": "arcface-112 at (8, 0)",
            # Sets of before have no precision in their manifest: it was this.
            **({} if self.precision == "fp32" else {"precision": self.precision}),
        }

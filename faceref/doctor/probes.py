"""Imports one library each in a process of its own, so that a broken one breaks no more.

`run` starts `python -c ... main` for each group of probes; a child prints one line of JSON as each
probe ends, and what it does not print before it dies or its time is up has failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError

SECONDS = 60
"""A child that takes longer is ended. Libraries load in a few seconds; a cold disk takes longer."""
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from faceref.doctor.probes import main; main(json.loads(sys.argv[2]))"
)

Probe = tuple[str, dict[str, Any]]
"""Name of a function of `PROBES` and its arguments."""


def run(groups: Sequence[Sequence[Probe]], seconds: float = SECONDS) -> dict[str, dict[str, Any]]:
    """What each probe found, by its name; `{"error": ...}` where it failed.

    The probes of one group share a process, in their order. Groups run side by side.
    """
    with ThreadPoolExecutor(len(groups)) as pool:
        found = pool.map(lambda group: _run_group(group, seconds), groups)
        return {name: answer for answers in found for name, answer in answers.items()}


def _run_group(group: Sequence[Probe], seconds: float) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-c", START, json.dumps(sys.path), json.dumps(group)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
        out, end = child.stdout, _end(child.returncode, child.stderr)
    except subprocess.TimeoutExpired as error:
        out, end = error.stdout or b"", f"no answer within {seconds:g} s"
    text = out if isinstance(out, str) else out.decode(errors="replace")
    answers = dict(json.loads(line) for line in text.splitlines() if line.startswith('["'))
    return {name: answers.get(name, {"error": end}) for name, _ in group}


def _end(status: int, stderr: str) -> str:
    lines = stderr.strip().splitlines() or [""]
    return (
        f"the process died with signal {-status}"
        if status < 0
        else f"the process died: {lines[-1]}"
    )


def main(probes: Sequence[Probe]) -> None:
    """In the child: run `probes` and print what they find, whatever the libraries print."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name, arguments in probes:
        try:
            found = PROBES[name](**arguments)
        except FaceRefError as error:
            found = {"error": str(error), "explained": True}
        except Exception as error:  # a library may raise anything; it is reported
            lines = str(error).strip().splitlines() or [""]
            found = {"error": f"{type(error).__name__}: {lines[0]}"}
        print(json.dumps([name, found]), file=answers, flush=True)


def _driver() -> dict[str, Any]:
    """The NVIDIA driver, by the CUDA driver API: no toolkit is needed."""
    import ctypes

    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return {"cuda": None, "devices": 0}
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if cuda.cuInit(0) == 0:
        cuda.cuDeviceGetCount(ctypes.byref(count))
    number = version.value
    return {"cuda": f"{number // 1000}.{number % 1000 // 10}", "devices": count.value}


def _torch(device: str) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {"version": torch.__version__, "cuda": torch.version.cuda}
    if device == "cuda" and torch.version.cuda:
        try:
            found["sum"] = float(torch.ones(8, device="cuda").sum())
            found["device"] = torch.cuda.get_device_name(0)
        except (RuntimeError, AssertionError) as error:
            found["cuda_error"] = str(error).strip().splitlines()[0]
    return found


def _faiss(device: str) -> dict[str, Any]:
    import numpy as np

    from faceref.similarity.search import load_faiss, open_search

    faiss = load_faiss()
    count = getattr(faiss, "get_num_gpus", None)
    found = {"version": faiss.__version__, "gpu_build": count is not None}
    found["gpus"] = count() if count else 0
    if device == "cuda" and found["gpus"]:
        open_search(np.eye(8, dtype=np.float32), device)(np.eye(8, dtype=np.float32), 1)
    return found


def _dlib() -> dict[str, Any]:
    import dlib

    cuda = bool(dlib.DLIB_USE_CUDA)  # pyright: ignore[reportAttributeAccessIssue]
    return {"version": dlib.__version__, "cuda": cuda}


def _dlib_models(device: str) -> dict[str, Any]:
    from faceref.embed.dlib import DlibEmbedder

    embedder = DlibEmbedder(device)
    models = embedder.provenance()["models"].values()
    return {"models": [model for model in models if "sha256" in model]}


def _cv2() -> dict[str, Any]:
    import cv2

    cv2.getRotationMatrix2D((0.0, 0.0), 0.0, 1.0)
    return {"version": cv2.__version__}


def _onnxruntime() -> dict[str, Any]:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    return {"version": onnxruntime.__version__, "providers": providers}


def _insightface() -> dict[str, Any]:
    import insightface

    return {"version": insightface.__version__}


def _pack_files(folder: str) -> dict[str, Any]:
    from faceref.files import file_sha256

    paths = sorted(Path(folder).glob("*.onnx"))
    return {"models": [{"file": path.name, "sha256": file_sha256(path)} for path in paths]}


def _pack(folder: str, det_size: int, device: str) -> dict[str, Any]:
    """Opens the pack as a build does; raises where it would not run on `device`."""
    from faceref.embed.insightface import PackEmbedder

    return {"batch_size": PackEmbedder(Path(folder), det_size, device).batch_size}


def _datasets() -> dict[str, Any]:
    import datasets

    return {"version": datasets.__version__}


PROBES: dict[str, Callable[..., dict[str, Any]]] = {
    "driver": _driver,
    "torch": _torch,
    "faiss": _faiss,
    "dlib": _dlib,
    "dlib_models": _dlib_models,
    "cv2": _cv2,
    "onnxruntime": _onnxruntime,
    "insightface": _insightface,
    "pack_files": _pack_files,
    "pack": _pack,
    "datasets": _datasets,
}

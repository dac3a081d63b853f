"""What is wrong with a machine for a build, from what the probes found, each with the way out."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceref import hardware as machine
from faceref.embed.registry import DEFAULT_PACK, EMBEDDERS
from faceref.errors import unknown_choice

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
MINIMUM_FREE = 1 << 30
BYTES_AN_IMAGE = 60_000
"""Parts and finished set of LFW in all: 2 x 25 KB an image, and some."""
PYTHONS = ((3, 10), (3, 13))
LIBRARIES = ("torch", "faiss", "cv2", "dlib", "onnxruntime", "insightface", "datasets")
"""Names of probes that import one each."""
USES = {"insightface": ("onnxruntime", "insightface"), "dlib": ("dlib",)}
"""Probes that an embedder's models cannot do without."""
WHEELS = {
    "torch": "torch torchvision",
    "faiss": "faiss-gpu",
    "cv2": "opencv-python",
    "dlib": "dlib-bin",
}
"""What brings a library, where it has another name."""

Found = dict[str, dict[str, Any]]
"""Answers of the probes by their name."""


@dataclass(frozen=True)
class Fault:
    """Something that is wrong."""

    what: str
    way_out: str
    """A command, or what to do; empty where `what` says it."""


@dataclass(frozen=True)
class Question:
    """The build that is asked about."""

    device: str = "cpu"
    embedder: str = "insightface"
    pack: str | None = None
    """Folder or name, as in a build; nothing is fetched."""
    out: Path = Path()
    """Where the set would be made."""

    def __post_init__(self) -> None:
        if self.device not in machine.DEVICES:
            raise unknown_choice("device", self.device, machine.DEVICES)
        if self.embedder not in EMBEDDERS:
            raise unknown_choice("embedder", self.embedder, EMBEDDERS)

    def pack_folder(self) -> Path:
        """Where the pack is, or would be put by insightface."""
        given = Path(self.pack or DEFAULT_PACK).expanduser()
        if given.is_dir() or len(given.parts) > 1:
            return given
        return Path("~/.insightface/models").expanduser() / given


def faults(question: Question, found: Found) -> list[Fault]:
    """Everything that keeps the build of `question` from running as asked."""
    return [
        *_python_faults(),
        *_library_faults(found),
        *_cuda_faults(question, found),
        *_model_faults(question, found),
        *_disk_faults(question),
    ]


def _python_faults() -> Iterator[Fault]:
    lowest, highest = PYTHONS
    if not lowest <= sys.version_info[:2] <= highest:
        yield Fault(
            f"Python {platform.python_version()} is not supported.",
            "Use Python {}.{} to {}.{}.".format(*lowest, *highest),
        )


def _library_faults(found: Found) -> Iterator[Fault]:
    for name in LIBRARIES:
        if error := found[name].get("error"):
            wheels = WHEELS.get(name, name)
            yield Fault(
                f"{name} cannot be used: {error}", f"pip install --force-reinstall {wheels}"
            )


def _cuda_faults(question: Question, found: Found) -> Iterator[Fault]:
    if question.device != "cuda":
        return
    driver, torch, faiss = found["driver"], found["torch"], found["faiss"]
    if question.embedder == "insightface":
        yield from _provider_faults(found["onnxruntime"])
    if not driver.get("cuda") or not driver.get("devices"):
        what = "The NVIDIA driver sees no GPU." if driver.get("cuda") else "No NVIDIA driver."
        yield Fault(
            f"--device cuda: {what}",
            "Install the driver (nvidia-smi must list a GPU; in a container, start it with "
            "--gpus all), or use --device cpu.",
        )
        return
    if "error" not in torch:
        yield from _torch_faults(torch, driver["cuda"])
    if "error" not in faiss and not faiss["gpus"]:
        yield Fault(
            f"faiss {faiss['version']} sees no GPU"
            + ("." if faiss["gpu_build"] else ": it is the build for the CPU."),
            "pip uninstall -y faiss-cpu && pip install faiss-gpu",
        )


def _provider_faults(answer: dict[str, Any]) -> Iterator[Fault]:
    if "error" not in answer and "CUDAExecutionProvider" not in answer["providers"]:
        yield Fault(
            f"onnxruntime {answer['version']} has no CUDAExecutionProvider: it is the build for "
            "the CPU.",
            "pip uninstall -y onnxruntime && pip install onnxruntime-gpu",
        )


def _torch_faults(torch: dict[str, Any], driver: str) -> Iterator[Fault]:
    built = torch["cuda"]
    if built is None:
        yield Fault(
            f"torch {torch['version']} is the build for the CPU.",
            "pip install --force-reinstall torch torchvision, with the index that "
            "https://pytorch.org/get-started/locally names for CUDA",
        )
    elif int(built.split(".")[0]) > int(driver.split(".")[0]):
        # Within one major version any driver serves any toolkit (CUDA compatibility guide).
        yield Fault(
            f"torch {torch['version']} is built for CUDA {built}; the driver serves {driver}.",
            f"Update the NVIDIA driver, or install a torch built for CUDA {driver.split('.')[0]}.",
        )
    elif "cuda_error" in torch:
        yield Fault(
            f"torch {torch['version']} cannot compute on the GPU: {torch['cuda_error']}",
            "Check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu.",
        )


def _model_faults(question: Question, found: Found) -> Iterator[Fault]:
    if any("error" in found[name] for name in ("cv2", *USES[question.embedder])):
        return
    if question.embedder == "dlib":
        if error := found["dlib_models"].get("error"):
            vectors = found["dlib_models"].get("explained")
            yield Fault(error, "" if vectors else "pip install --force-reinstall dlib-bin")
        return
    folder, opened = question.pack_folder(), found.get("pack")
    providers = found["onnxruntime"].get("providers", ())
    if opened is None and question.pack and len(Path(question.pack).parts) > 1:
        yield Fault(f"No model pack at {question.pack}.", "Give a folder of ONNX files.")
    elif opened and "error" in opened and PROVIDERS[question.device] in providers:
        way_out = "" if opened.get("explained") else f"Unpack {folder.name} again to {folder}."
        yield Fault(f"The pack {folder.name}: {opened['error']}", way_out)


def _disk_faults(question: Question) -> Iterator[Fault]:
    free = machine.free_bytes(question.out)
    if free < MINIMUM_FREE:
        yield Fault(
            f"{free / 1e9:.1f} GB are free at {question.out.absolute()}: room for about "
            f"{free // BYTES_AN_IMAGE:,} images.",
            "Make room, or choose another --out.",
        )

"""What `faceref doctor` reports: what is installed, which device each stage uses, what is wrong."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import faceref
from faceref import hardware as machine
from faceref.doctor import packages as installed
from faceref.doctor import probes as probe
from faceref.doctor.diagnosis import BYTES_AN_IMAGE, PROVIDERS, Fault, Found, Question, faults
from faceref.embed.registry import DEFAULT_DET_SIZE

MINIMUM_SHARED = 64 << 20
SHOWN = (
    "torch",
    "torchvision",
    "insightface",
    "onnxruntime",
    "onnxruntime-gpu",
    "faiss-gpu",
    "faiss-cpu",
    "dlib-bin",
    "dlib",
    "opencv-python",
    "opencv-python-headless",
    "datasets",
    "pyarrow",
    "numpy",
    "pillow",
    "ray",
)

Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class Stage:
    """Where one stage of a build runs."""

    name: str
    device: str
    """`cpu`, `cuda`, or `none` where it cannot run as asked."""
    by: str


@dataclass(frozen=True)
class Report:
    """The findings."""

    versions: dict[str, str]
    machine: dict[str, Any]
    models: list[dict[str, str]]
    """File and SHA-256 of each model that was found."""
    stages: list[Stage]
    faults: list[Fault]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """The same for machines; `ok` is whether nothing is wrong."""
        return {"ok": not self.faults, **asdict(self)}

    def tables(self) -> Iterator[Table]:
        """What to print: versions, machine, models, stages."""
        yield "Installed", ["package", "version"], [list(item) for item in self.versions.items()]
        yield "Machine", ["what", "found"], _machine_rows(self.machine)
        if self.models:
            rows = [[model["file"], model["sha256"]] for model in self.models]
            yield "Models", ["file", "SHA-256"], rows
        rows = [[stage.name, stage.device, stage.by] for stage in self.stages]
        yield "Devices", ["stage", "device", "by"], rows

    def lines(self) -> Sequence[str]:
        """Notes, faults with the way out, and the verdict."""
        said = [f"note: {note}" for note in self.notes]
        for fault in self.faults:
            said.append(f"wrong: {fault.what}")
            if fault.way_out:
                said.append(f"       {fault.way_out}")
        count = len(self.faults)
        said.append("Nothing is wrong." if not count else f"{count} wrong.")
        return said


def examine(question: Question) -> Report:
    """Check everything a build needs. Loads no heavy library in this process; no network."""
    have = installed.installed()
    found = probe.run(_probes(question))
    asked = installed.requirements()
    return Report(
        versions={"face-ref": faceref.__version__, "python": platform.python_version()}
        | {name: have[name] for name in SHOWN if name in have},
        machine=_machine(question, found),
        models=[
            model
            for name in ("pack_files", "dlib_models")
            for model in found.get(name, {}).get("models", [])
        ],
        stages=_stages(question, found, have.get("pillow", "")),
        faults=[*installed.faults(have, asked, question.device), *faults(question, found)],
        notes=list(_notes(question, found, bool(asked), "ray" in have)),
    )


def _probes(question: Question) -> list[list[probe.Probe]]:
    device = {"device": question.device}
    dlib_device = question.device if question.embedder == "dlib" else "cpu"
    groups: list[list[probe.Probe]] = [
        [("driver", {}), ("torch", device), ("faiss", device)],
        [("cv2", {}), ("dlib", {}), ("dlib_models", {"device": dlib_device})],
        [("onnxruntime", {}), ("insightface", {})],
        [("datasets", {})],
    ]
    folder = question.pack_folder()
    if question.embedder == "insightface" and folder.is_dir():
        pack = {"folder": str(folder), "det_size": DEFAULT_DET_SIZE, **device}
        groups[2] += [("pack_files", {"folder": str(folder)}), ("pack", pack)]
    return groups


def _machine(question: Question, found: Found) -> dict[str, Any]:
    return {
        "cores": machine.usable_cores(),
        "cores_by_affinity": machine.affinity_cores(),
        "cores_by_cgroup": machine.cgroup_cores(),
        "free_bytes": machine.free_bytes(question.out),
        "shared_memory_bytes": machine.shared_memory_bytes(),
        "driver_cuda": found["driver"].get("cuda"),
        "gpus": found["driver"].get("devices", 0),
    }


def _stages(question: Question, found: Found, pillow: str) -> list[Stage]:
    faces = _insightface_stages if question.embedder == "insightface" else _dlib_stages
    return [
        Stage("decode", "cpu", f"pillow {pillow}".strip()),
        *faces(question.device, found),
        _stage("mining", question.device, "faiss", found, found["faiss"].get("gpus", 0) > 0),
        _stage("LR encoder", question.device, "torch", found, "device" in found["torch"]),
    ]


def _stage(name: str, device: str, library: str, found: Found, on_gpu: bool) -> Stage:
    answer = found[library]
    runs = "error" not in answer and (device == "cpu" or on_gpu)
    return Stage(name, device if runs else "none", f"{library} {answer.get('version', '')}".strip())


def _insightface_stages(device: str, found: Found) -> list[Stage]:
    provider = PROVIDERS[device]
    answer, opened = found["onnxruntime"], found.get("pack")
    runs = provider in answer.get("providers", ()) and "error" not in (opened or {})
    by = f"onnxruntime {answer.get('version', '')}, {provider}"
    by += "" if opened else ", not tried: no pack here"
    return [
        Stage("detect", device if runs else "none", by),
        Stage("align", "cpu", f"opencv {found['cv2'].get('version', '')}".strip()),
        Stage("embed", device if runs else "none", by),
    ]


def _dlib_stages(device: str, found: Found) -> list[Stage]:
    version = found["dlib"].get("version", "")
    broken = "error" in found["dlib"] or "error" in found["dlib_models"]
    # A dlib that is built with CUDA computes the descriptor there, whatever is asked for.
    embed = "cuda" if found["dlib"].get("cuda") else "cpu"
    return [
        Stage("detect", "none" if broken else "cpu", f"dlib {version} (has no GPU code for it)"),
        Stage("align", "cpu", f"opencv {found['cv2'].get('version', '')}".strip()),
        Stage("embed", "none" if broken else embed, f"dlib {version}"),
    ]


def _notes(question: Question, found: Found, known: bool, ray: bool) -> Iterator[str]:
    if not known:
        yield "face-ref is not installed, so versions were not compared: pip install -e ."
    if question.embedder == "insightface" and "pack" not in found:
        yield (
            f"No pack at {question.pack_folder()}: the first build fetches it. Offline, unpack it "
            "there, give --pack DIR, or use --embedder dlib."
        )
    if question.device == "cpu" and found["driver"].get("devices"):
        yield "There is a GPU here: faceref doctor --device cuda checks whether it can be used."
    if question.device == "cpu" and found["dlib"].get("cuda") and question.embedder == "dlib":
        yield "This dlib is built with CUDA and uses it whatever --device says."
    shared = machine.shared_memory_bytes()
    if ray and shared is not None and shared < MINIMUM_SHARED:
        yield f"/dev/shm has {shared >> 20} MB: Ray will be slow. Docker: --shm-size=1g."


def _machine_rows(found: dict[str, Any]) -> list[list[str]]:
    quota = found["cores_by_cgroup"]
    limit = "" if quota is None else f", {quota:g} granted by the cgroup"
    free = found["free_bytes"]
    driver = found["driver_cuda"]
    return [
        ["cores", f"{found['cores']} ({found['cores_by_affinity']} by affinity{limit})"],
        ["free disk", f"{free / 1e9:.1f} GB, about {free // BYTES_AN_IMAGE:,} images"],
        ["GPUs", f"{found['gpus']} (driver for CUDA {driver})" if driver else "none, no driver"],
    ]

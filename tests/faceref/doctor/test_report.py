import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from faceref import hardware as machine
from faceref.cli.app import app
from faceref.doctor import diagnosis
from faceref.doctor import packages as installed
from faceref.doctor import probes as probe
from faceref.doctor.diagnosis import Question
from faceref.doctor.report import examine
from faceref.errors import FaceRefError

GOOD: dict[str, dict[str, Any]] = {
    "driver": {"cuda": "13.0", "devices": 1},
    "torch": {"version": "2.15", "cuda": "13.0", "sum": 8.0, "device": "H200"},
    "faiss": {"version": "1.15", "gpu_build": True, "gpus": 1},
    "cv2": {"version": "5.0"},
    "dlib": {"version": "20.0", "cuda": False},
    "dlib_models": {"models": [{"file": "resnet.dat", "sha256": "ab"}]},
    "onnxruntime": {
        "version": "1.32",
        "providers": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    },
    "insightface": {"version": "2.1"},
    "datasets": {"version": "5.2"},
    "pack_files": {"models": [{"file": "w600k.onnx", "sha256": "cd"}]},
    "pack": {"batch_size": 32},
}
ASKED = ["torch>=2.6", "faiss-gpu>=1.13", "opencv-python>=4.10", "anny; extra == 'synthetic'"]
HAVE = {
    "torch": "2.15.0",
    "faiss-gpu": "1.15.1",
    "opencv-python": "5.0",
    "onnxruntime": "1.32",
    "packaging": "26.3",
}


def _found(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**answer, **changes.get(name, {})} for name, answer in GOOD.items()}


def _whats(device: str, found: dict[str, Any], embedder: str = "insightface") -> list[str]:
    return [fault.what for fault in diagnosis.faults(Question(device, embedder), found)]


def test_nothing_is_wrong_with_what_is_right():
    assert installed.faults(HAVE, ASKED, "cpu") == []
    for device in ("cpu", "cuda"):
        assert _whats(device, _found()) == []


@pytest.mark.parametrize(
    ("changes", "device", "what", "way_out"),
    [
        ({"faiss-cpu": "1.9"}, "cpu", "faiss-gpu and faiss-cpu", "pip install faiss-cpu"),
        ({"faiss-cpu": "1.9"}, "cuda", "faiss-gpu and faiss-cpu", "pip install faiss-gpu"),
        (
            {"opencv-python-headless": "5.0"},
            "cpu",
            "opencv-python and opencv-python-headless",
            "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python",
        ),
        (
            {"onnxruntime-gpu": "1.32"},
            "cuda",
            "onnxruntime and onnxruntime-gpu",
            "pip install onnxruntime-gpu",
        ),
        ({"onnxruntime-gpu": "1.32"}, "cpu", "onnxruntime and onn", "pip install onnxruntime"),
        ({"torch": "2.1.0"}, "cpu", "torch 2.1.0 is installed, and >=2.6", "-U 'torch>=2.6'"),
        ({"torch": None}, "cpu", "torch is not installed", "pip install 'torch>=2.6'"),
        ({"packaging": None}, "cpu", "packaging is not installed", "pip install packaging"),
    ],
)
def test_wrong_installs_are_named(
    changes: dict[str, str | None], device: str, what: str, way_out: str
):
    have = {name: version for name, version in {**HAVE, **changes}.items() if version}
    (fault,) = installed.faults(have, ASKED, device)
    assert what in fault.what
    assert fault.way_out.endswith(way_out)


def test_a_rival_will_do():
    have = {**HAVE, "faiss-cpu": "1.9"}
    del have["faiss-gpu"]
    assert installed.faults(have, ASKED, "cpu") == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"driver": {"cuda": None, "devices": 0}}, "No NVIDIA driver"),
        ({"driver": {"cuda": "13.0", "devices": 0}}, "driver sees no GPU"),
        ({"driver": {"cuda": "12.4"}}, "built for CUDA 13.0; the driver serves 12.4"),
        ({"torch": {"cuda": None}}, "torch 2.15 is the build for the CPU"),
        ({"torch": {"cuda_error": "no kernel image"}}, "on the GPU: no kernel image"),
        ({"faiss": {"gpus": 0}}, "faiss 1.15 sees no GPU."),
        ({"faiss": {"gpus": 0, "gpu_build": False}}, "it is the build for the CPU"),
        ({"onnxruntime": {"providers": ["CPUExecutionProvider"]}}, "no CUDAExecutionProvider"),
        ({"pack": {"error": "opened on CPUExecutionProvider", "told": True}}, "opened on CPU"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_wrong_only_where_it_is_asked_for(
    changes: dict[str, dict[str, Any]], what: str
):
    (found,) = _whats("cuda", _found(**changes))
    assert what in found
    if "pack" not in changes:
        assert _whats("cpu", _found(**changes)) == []


def test_a_newer_minor_version_of_cuda_is_served():
    found = _found(driver={"cuda": "12.2"}, torch={"cuda": "12.8"})
    assert _whats("cuda", found) == []


def test_a_broken_library_is_one_fault():
    found = _found(cv2={"error": "ImportError: libGL.so.1"}, dlib_models={"error": "no cv2"})
    (fault,) = diagnosis.faults(Question("cpu", "dlib"), found)
    assert "libGL.so.1" in fault.what
    assert fault.way_out == "pip install --force-reinstall opencv-python"


def test_dlib_that_cannot_is_wrong_for_dlib_only():
    found = _found(dlib_models={"error": "this dlib is built without CUDA", "told": True})
    assert _whats("cuda", found, "dlib") == ["this dlib is built without CUDA"]
    assert _whats("cuda", found) == []


def test_a_pack_that_is_not_there():
    found = _found()
    del found["pack"]
    assert diagnosis.faults(Question(), found) == []
    (fault,) = diagnosis.faults(Question(pack="/nowhere/pack"), found)
    assert "No model pack at /nowhere/pack" in fault.what


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=600_000_000))
    (fault,) = diagnosis.faults(Question(out=tmp_path / "not" / "yet"), _found())
    assert "0.6 GB are free" in fault.what
    assert "10,000 images" in fault.what


def _examine(question: Question, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(probe, "run", lambda groups: found)
    monkeypatch.setattr(installed, "installed", lambda: HAVE)
    monkeypatch.setattr(installed, "requirements", lambda: ASKED)
    return examine(question)


def test_each_stage_has_a_device(monkeypatch: pytest.MonkeyPatch):
    report = _examine(Question("cuda"), _found(), monkeypatch)
    assert {stage.name: stage.device for stage in report.stages} == {
        "decode": "cpu",
        "detect": "cuda",
        "align": "cpu",
        "embed": "cuda",
        "mining": "cuda",
        "LR encoder": "cuda",
    }
    assert [model["file"] for model in report.models] == ["w600k.onnx", "resnet.dat"]
    assert report.lines()[-1] == "Nothing is wrong."
    report = _examine(Question("cpu"), _found(), monkeypatch)
    assert {stage.device for stage in report.stages} == {"cpu"}


def test_a_stage_that_cannot_have_the_gpu_has_no_device(monkeypatch: pytest.MonkeyPatch):
    found = _found(faiss={"gpus": 0}, pack={"error": "opened on the CPU", "told": True})
    report = _examine(Question("cuda"), found, monkeypatch)
    devices = {stage.name: stage.device for stage in report.stages}
    assert devices["mining"] == devices["detect"] == devices["embed"] == "none"
    assert devices["LR encoder"] == "cuda"
    assert report.lines()[-1] == "2 wrong."


def test_dlib_detects_on_the_cpu(monkeypatch: pytest.MonkeyPatch):
    found = _found(dlib={"cuda": True})
    report = _examine(Question("cuda", "dlib"), found, monkeypatch)
    devices = {stage.name: stage.device for stage in report.stages}
    assert (devices["detect"], devices["embed"]) == ("cpu", "cuda")


def _child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    start = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); {code}"
    monkeypatch.setattr(probe, "START", start)


def test_a_library_that_dies_takes_only_its_own_probe(monkeypatch: pytest.MonkeyPatch):
    die = "import os, faceref.doctor.probes as p\n"
    die += "p.PROBES['torch'] = lambda: os.kill(os.getpid(), 11)"
    _child(monkeypatch, f"{die}; p.main(json.loads(sys.argv[2]))")
    found = probe.run([[("driver", {}), ("torch", {})], [("cv2", {})]])
    assert "cuda" in found["driver"]
    assert found["torch"] == {"error": "the process died with signal 11"}
    assert "version" in found["cv2"]


def test_a_library_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch):
    _child(monkeypatch, "import threading; threading.Event().wait()")
    assert probe.run([[("torch", {})]], 0.1) == {"torch": {"error": "no answer within 0.1 s"}}


def test_a_library_that_prints_or_raises(monkeypatch: pytest.MonkeyPatch):
    code = (
        "import faceref.doctor.probes as p; "
        "p.PROBES['cv2'] = lambda: print('[\"noise\"') or {'version': '5'}; "
        "p.PROBES['dlib'] = lambda: {}['gone']; "
        "p.main(json.loads(sys.argv[2]))"
    )
    _child(monkeypatch, code)
    found = probe.run([[("cv2", {}), ("dlib", {})]])
    assert found == {"cv2": {"version": "5"}, "dlib": {"error": "KeyError: 'gone'"}}


def test_the_report_itself_loads_no_library():
    code = (
        "import sys, faceref.doctor.report\n"
        "heavy = {'numpy', 'cv2', 'torch', 'faiss', 'dlib', 'pyarrow'};"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_looks_at_this_machine(tmp_path: Path):
    arguments = ["doctor", "--embedder", "dlib", "--out", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, arguments)
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["ok"] else 1)
    assert found["ok"] == (not found["faults"])
    by = {stage["name"]: stage["by"] for stage in found["stages"]}
    assert by["mining"].startswith("faiss 1.")
    recognition = next(one for one in found["models"] if "recognition" in one["file"])
    # The sum of the file that dlib.net publishes and face-recognition-models carries.
    assert recognition["sha256"].startswith("55533b28a95800a551ba546ba62fe696")


def test_a_wrong_machine_has_status_1_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = _found(driver={"cuda": None, "devices": 0})
    monkeypatch.setattr(probe, "run", lambda groups: found)
    result = CliRunner().invoke(app, ["doctor", "--device", "cuda", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "wrong: --device cuda: No NVIDIA driver." in result.output
    assert "or use --device cpu" in result.output


def test_an_unknown_device():
    with pytest.raises(FaceRefError, match="cpu, cuda"):
        Question("gpu")


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "max 100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_cores_of_a_container(files: dict[str, str], cores: float | None, tmp_path: Path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    membership = tmp_path / "membership"
    membership.write_text("1:name=systemd:/x\n0::/a/b\n")
    assert machine.cgroup_cores(tmp_path, membership) == cores


def test_a_quota_bounds_the_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "affinity_cores", lambda: 64)
    monkeypatch.setattr(machine, "cgroup_cores", lambda: 1.5)
    assert machine.usable_cores() == 2
    monkeypatch.setattr(machine, "cgroup_cores", lambda: None)
    assert machine.usable_cores() == 64

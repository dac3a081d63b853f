"""dlib in processes: the same answers, an error where there was one, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import faceref
from faceref.embed import processes
from faceref.embed.base import Detection
from faceref.embed.faces import embed_each
from faceref.embed.processes import InProcesses
from faceref.embed.registry import EmbedderSpec
from faceref.errors import FaceRefError
from faceref.sources.sample import sample_pool
from tests.faceref.fakes import PlainEmbedder
from tests.faults.jobs import digests

ROOT = Path(__file__).resolve().parents[3]
SPEC = EmbedderSpec("dlib")
BLANK = np.zeros((40, 40, 3), np.uint8)


def _in_a_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def _children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_a_process_gives_what_dlib_gives_here_and_ends_with_its_thread():
    here, apart = SPEC.open(), SPEC.open_for_threads()
    assert isinstance(apart, InProcesses)
    assert apart.provenance() == here.provenance()
    faces = sample_pool()[1][:3]
    before = _children()

    def work() -> tuple[Any, Any]:
        return apart.detect(faces[0]), apart.embed(faces)

    (face,), vectors = _in_a_thread(work)
    (wanted,) = here.detect(faces[0])
    assert (face.box, face.score) == (wanted.box, wanted.score)
    assert np.array_equal(face.landmarks, wanted.landmarks)
    assert np.array_equal(vectors, here.embed(faces))
    assert _children() == before


def test_an_error_comes_back_as_it_is_and_the_process_goes_on():
    apart = SPEC.open_for_threads()
    with pytest.raises(RuntimeError, match="Unsupported image type"):
        apart.detect(np.zeros((4, 4), np.float64))
    assert apart.detect(BLANK) == []


def test_a_process_that_is_killed_is_replaced_and_asked_again():
    apart = SPEC.open_for_threads()
    before = _children()
    assert apart.detect(BLANK) == []
    (child,) = _children() - before
    os.kill(int(child), signal.SIGKILL)
    assert apart.detect(BLANK) == []
    assert _children() - before != {child}


class Fragile(PlainEmbedder):
    """Dies of every image, and is killed for every face."""

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Die as of a fault in compiled code."""
        os.kill(os.getpid(), signal.SIGSEGV)
        return []

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Die as where memory runs out."""
        os.kill(os.getpid(), signal.SIGKILL)
        return faces


def test_what_kills_a_process_twice_is_of_the_image_and_a_kill_of_the_machine():
    apart = InProcesses(Fragile(), Fragile)
    with pytest.raises(RuntimeError, match=f"its process ended with -{signal.SIGSEGV:d}"):
        apart.detect(BLANK)
    with pytest.raises(FaceRefError, match="fewer --workers"):
        embed_each(apart, np.zeros((2, 128, 128, 3), np.uint8))


def test_modules_of_the_current_folder_are_not_taken_for_those_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("json", "signal", "faceref"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    assert SPEC.open_for_threads().detect(BLANK) == []


ORPHAN = """
import os, signal, sys
import numpy as np
from faceref.embed.registry import EmbedderSpec

apart = EmbedderSpec("dlib").open_for_threads()
apart.detect(np.zeros((40, 40, 3), np.uint8))
print(open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_when_the_one_that_asks_is_killed():
    done = subprocess.run([sys.executable, "-c", ORPHAN], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    for _ in range(100):
        if not Path(f"/proc/{done.stdout.strip()}").exists():
            break
        time.sleep(0.1)
    else:
        pytest.fail("the process is still there")


@pytest.mark.slow
def test_a_build_in_processes_is_that_of_one_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    faceref.sample(tmp_path / "people")
    for person in sorted((tmp_path / "people").iterdir())[5:]:
        shutil.rmtree(person)
    started: list[int] = []
    real = processes._Worker
    monkeypatch.setattr(processes, "_Worker", lambda opener: started.append(1) or real(opener))
    for workers in (1, 2):
        faceref.build(
            tmp_path / "people",
            embedder="dlib",
            out=tmp_path / f"by-{workers}",
            val=0.2,
            test=0.2,
            workers=workers,
            progress=False,
        )
        assert len(started) == {1: 0, 2: 2}[workers]
    assert digests(tmp_path / "by-1") == digests(tmp_path / "by-2")


def test_other_embedders_and_other_devices_stay_in_their_process(monkeypatch: pytest.MonkeyPatch):
    opened = object()
    monkeypatch.setattr("faceref.embed.registry.open_embedder", lambda *_, **__: opened)
    for spec in (EmbedderSpec("insightface"), EmbedderSpec("dlib", device="cuda")):
        assert spec.open_for_threads() is opened
    assert isinstance(SPEC.open_for_threads(), InProcesses)

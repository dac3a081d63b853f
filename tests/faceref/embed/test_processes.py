"""dlib in processes: the same answers, an error where there was one, and nothing left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceref.embed.processes import InProcesses
from faceref.embed.registry import EmbedderSpec
from faceref.sources.sample import sample_pool

SPEC = EmbedderSpec("dlib")


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
    assert apart.detect(np.zeros((40, 40, 3), np.uint8)) == []


def test_a_process_that_dies_is_an_error_and_another_takes_its_place():
    apart = SPEC.open_for_threads()
    blank = np.zeros((40, 40, 3), np.uint8)
    before = _children()
    assert apart.detect(blank) == []
    (child,) = _children() - before
    os.kill(int(child), signal.SIGKILL)
    with pytest.raises(RuntimeError, match="its process ended with -9"):
        apart.detect(blank)
    assert apart.detect(blank) == []


def test_other_embedders_and_other_devices_stay_in_their_process(monkeypatch: pytest.MonkeyPatch):
    opened = object()
    monkeypatch.setattr("faceref.embed.registry.open_embedder", lambda *_, **__: opened)
    for spec in (EmbedderSpec("insightface"), EmbedderSpec("dlib", device="cuda")):
        assert spec.open_for_threads() is opened
    assert isinstance(SPEC.open_for_threads(), InProcesses)

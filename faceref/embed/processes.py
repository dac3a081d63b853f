"""An embedder in processes, for one that computes for one thread at a time.

dlib holds Python's lock while it computes, so threads of one process wait for each other. Here each
thread that calls has a process of its own, which lives as long as the thread. They are started
without `multiprocessing`, which would run the user's script again in each of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from faceref.embed.align import Landmarks
from faceref.embed.base import Detection, Embedder

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from faceref.embed.processes import serve; serve()"
)
_SECONDS = 10.0
"""That a process has to end in when there is nothing more to ask."""


class InProcesses:
    """`embedder`, with its work done by a process for each thread that asks.

    `opener` opens it there, and can be pickled.
    """

    def __init__(self, embedder: Embedder, opener: Callable[[], Embedder]) -> None:
        self._embedder, self._opener = embedder, opener
        self._local = threading.local()

    @property
    def scheme(self) -> Landmarks:
        """See `Embedder`."""
        return self._embedder.scheme

    @property
    def batch_size(self) -> int:
        """See `Embedder`."""
        return self._embedder.batch_size

    @property
    def det_size(self) -> int | None:
        """See `Embedder`."""
        return self._embedder.det_size

    @property
    def finest(self) -> float:
        """See `Embedder`."""
        return self._embedder.finest

    def provenance(self) -> dict[str, Any]:
        """See `Embedder`."""
        return self._embedder.provenance()

    def detect(self, image: np.ndarray) -> Sequence[Detection]:
        """See `Embedder`; a process that dies of an image is an error of that image."""
        return self._ask("detect", image)

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """See `Embedder`; a process that dies of faces is an error of those faces."""
        return self._ask("embed", faces)

    def _ask(self, name: str, value: np.ndarray) -> Any:
        if not hasattr(self._local, "worker"):
            self._local.worker = _Worker(self._opener)
        try:
            fine, answer = self._local.worker.ask(name, value)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            status = self._local.worker.end()
            del self._local.worker
            raise RuntimeError(f"its process ended with {status}") from error
        if not fine:
            raise answer
        return answer


class _Worker:
    """A process that answers one question after the other."""

    def __init__(self, opener: Callable[[], Embedder]) -> None:
        command = [sys.executable, "-c", _CODE, json.dumps(sys.path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.end = weakref.finalize(self, _end, self._process)
        self._send(opener)

    def ask(self, name: str, value: Any) -> tuple[bool, Any]:
        """Whether a method of the embedder could be called, and its answer or error."""
        self._send((name, value))
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        pickle.dump(value, self._process.stdin, pickle.HIGHEST_PROTOCOL)
        self._process.stdin.flush()


def _end(process: subprocess.Popen[bytes]) -> int:
    """End a process, which ends by itself when nobody can ask any more; gives its exit status."""
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with contextlib.suppress(OSError):  # What it was not sent any more.
            stream.close()
    try:
        return process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def serve() -> None:
    """Answer the questions of `_Worker` on standard input, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks.
    # What models print must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    embedder = pickle.load(sys.stdin.buffer)()
    while True:
        try:
            name, value = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = True, getattr(embedder, name)(value)
        except Exception as error:
            answer = False, _portable(error)
        try:
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:  # Who asked was killed.
            os._exit(0)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same, where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error

"""An embedder in processes, for one that computes for one thread at a time.

dlib holds Python's lock while it computes, so threads of one process wait for each other. Here each
thread that calls has a process of its own, which lives as long as the thread. They are started
without `multiprocessing`, which would run the user's script again in each of them.
"""

from __future__ import annotations

import contextlib
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
from faceref.errors import FaceRefError

# Nothing is imported before the path is that of who asks: a file in the current folder may have the
# name of any module. Ctrl-C is for who asks.
_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]; import signal; "
    "signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "from faceref.embed.processes import serve; serve()"
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
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

    def finest(self, pixels: int) -> float:
        """See `Embedder`."""
        return self._embedder.finest(pixels)

    def provenance(self) -> dict[str, Any]:
        """See `Embedder`."""
        return self._embedder.provenance()

    def detect(self, image: np.ndarray) -> Sequence[Detection]:
        """See `Embedder`; an image that a process dies of twice is an error of that image."""
        return self._ask("detect", image)

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """See `Embedder`; faces that a process dies of twice are an error of those faces."""
        return self._ask("embed", faces)

    def _ask(self, name: str, value: np.ndarray) -> Any:
        try:
            with contextlib.suppress(_DiedError):  # What was killed by mistake is asked again.
                return self._answer(name, value)
            return self._answer(name, value)
        except _DiedError as error:
            raise error.explained() from error

    def _answer(self, name: str, value: np.ndarray) -> Any:
        """What the process of this thread answers; raises `_DiedError` where it does not."""
        fine, answer = self._answered(name, value)
        if fine:
            return answer
        try:
            raise answer
        finally:
            del answer  # Else it holds the image, by its traceback and this frame.

    def _answered(self, name: str, value: np.ndarray) -> tuple[bool, Any]:
        if not hasattr(self._local, "worker"):
            self._local.worker = _Worker(self._opener)
        worker = self._local.worker
        try:
            return worker.ask(name, value)
        except BaseException as error:  # What is left in the pipe would answer the next question.
            del self._local.worker
            status = worker.end()
            if isinstance(error, Exception):
                raise _DiedError(status) from error
            raise


class _DiedError(Exception):
    """A process that did not answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"its process ended with {status}")
        self.status = status

    def explained(self) -> Exception:
        """What that means: of the image, or of the machine, where somebody ended it."""
        if self.status not in (-signal.SIGKILL, -signal.SIGTERM):
            return RuntimeError(str(self))
        return FaceRefError(
            f"A process of the embedder was killed twice (signal {-self.status}), as happens when "
            "memory runs out. The same command goes on; give fewer --workers."
        )


class _Worker:
    """A process that answers one question after the other."""

    def __init__(self, opener: Callable[[], Embedder]) -> None:
        command = [sys.executable, "-c", _CODE, *map(str, sys.path)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sys.stderr is None else None,
                env={**os.environ, **_ONE_THREAD},
            )
        except OSError as error:
            raise FaceRefError(
                f"Cannot start a process of the embedder ({error}). Give fewer --workers; with "
                "--workers 1 there is none."
            ) from error
        self._end = weakref.finalize(self, _end, self._process)
        self._opener: Callable[[], Embedder] | None = opener

    def end(self) -> int:
        """End the process; gives its exit status."""
        self._end()
        return self._process.wait()

    def ask(self, name: str, value: Any) -> tuple[bool, Any]:
        """Whether a method of the embedder could be called, and its answer or error."""
        if self._opener is not None:
            self._send(self._opener)
            self._opener = None
        self._send((name, value))
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        pickle.dump(value, self._process.stdin, pickle.HIGHEST_PROTOCOL)
        self._process.stdin.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, which ends by itself when nobody can ask any more."""
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with contextlib.suppress(OSError):  # What it was not sent any more.
            stream.close()
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve() -> None:
    """Answer the questions of `_Worker` on standard input, until it is closed."""
    # What models print must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    embedder = None
    while True:
        try:
            asked = pickle.load(sys.stdin.buffer)
        except (EOFError, pickle.UnpicklingError):  # Closed, or cut off as who asked was killed.
            return
        if embedder is None:
            embedder = asked()
            continue
        name, value = asked
        try:
            answer = True, getattr(embedder, name)(value)
        except Exception as error:
            answer = False, _portable(error)
        try:
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except OSError:  # Who asked was killed.
            os._exit(0)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same, where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error

"""Videos super-resolved frame by frame, at their rate and with their sound."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmark.upscaling.faces import NoFaceError, UpscaledFace
from benchmark.upscaling.images import NOTICE
from benchmark.upscaling.paste import upsample_image
from faceref.errors import FaceRefError
from faceref.files import replacing

LARGEST = 8191
"""Width and height of a frame: MPEG-4 has no more."""
LARGEST_RATE = 65535
KEPT, NONE = "kept", "none"
NO_FFMPEG = "not kept: needs ffmpeg"
Work = Callable[[np.ndarray], tuple[np.ndarray, list[UpscaledFace]]]


def upscale_video(
    source: Path, out: Path, work: Work, scale: int | None, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Super-resolve a video frame by frame; frames without a face are upsampled only.

    Frames are turned upright. Of a video that is cut off, what can be read is kept.

    Args:
        source: The video.
        out: MP4 to write.
        work: What makes of a frame, uint8 RGB (H, W, 3), the larger one and its faces.
        scale: How much larger; None where only `work` knows.
        progress: Called with the frames done and in all.

    Returns:
        For the report: `frames`, `announced` (frames by the head of the file; 0 where it does not
        say), `rate` in frames a second, `off`, the most seconds that a frame comes earlier or later
        than in `source` (its rate may vary; here it does not), `sound`, and `faces`, each with its
        `frame` from 0.

    Raises:
        NoFaceError: Where no frame has a face.
        FaceRefError: Where it cannot be read, or would become too large.
    """
    film = cv2.VideoCapture(str(source.absolute()))
    try:
        announced, rate = _announced(film), film.get(cv2.CAP_PROP_FPS)
        rate = rate if 0 < rate <= LARGEST_RATE else 25.0
        faces: list[dict[str, Any]] = []
        done, off = 0, 0.0
        with replacing(out) as temporary:
            silent = temporary.with_name("silent.mp4")
            writer: Any = None
            for seconds, frame in _frames(film):
                off = max(off, abs(seconds - done / rate))
                if writer is None and scale is not None:
                    need_size(frame, scale)
                    writer = _writer(silent, rate, scale * frame.shape[1], scale * frame.shape[0])
                image, found = _tolerant(work, frame, scale or 1)
                if writer is None:
                    writer = _writer(silent, rate, image.shape[1], image.shape[0])
                writer.write(np.ascontiguousarray(image[..., ::-1]))
                faces += [{"frame": done, **face.report()} for face in found]
                done += 1
                progress(done, announced)
            if writer is None:
                raise FaceRefError("has no frame that can be read")
            writer.release()
            _need_whole(silent, done)
            if not faces:
                raise NoFaceError("no face found in any frame")
            sound = _with_sound(silent, source, temporary)
            _add_notice(temporary)
    finally:
        film.release()
    counts = {
        "frames": done, "announced": announced, "rate": round(rate, 3), "off": round(off, 2)
    }  # fmt: skip
    return {**counts, "sound": sound, "faces": faces}


def has_ffmpeg() -> bool:
    """Whether the program ffmpeg is there, which sound needs."""
    return shutil.which("ffmpeg") is not None


def need_size(frame: np.ndarray, scale: int) -> None:
    """Raise FaceRefError where a frame (H, W, 3), `scale` times as large, is none of a video."""
    height, width = frame.shape[:2]
    most = LARGEST // max(height, width)
    if scale > most:
        raise FaceRefError(
            f"frames of {width}x{height} times {scale} are {scale * width}x{scale * height}, and a "
            f"video has at most {LARGEST}x{LARGEST}. Give --scale {most} or less."
            if most
            else f"frames of {width}x{height} are too large: a video has at most "
            f"{LARGEST}x{LARGEST}."
        )


def _announced(film: Any) -> int:
    count = film.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 1e9 else 0


def _frames(film: Any) -> Iterator[tuple[float, np.ndarray]]:
    """Frames, each with its seconds after the first."""
    first = None
    while True:
        there, frame = film.read()
        if not there:
            return
        now = film.get(cv2.CAP_PROP_POS_MSEC) / 1000
        first = now if first is None else first
        yield now - first, np.ascontiguousarray(frame[..., ::-1])


def _writer(path: Path, rate: float, width: int, height: int) -> Any:
    writer = cv2.VideoWriter(
        str(path.absolute()), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height)
    )
    if not writer.isOpened():
        raise FaceRefError(
            f"OpenCV can write no video of {width}x{height} at {rate:.3f} frames a second. "
            "Give another --scale."
        )
    return writer


def _need_whole(path: Path, frames: int) -> None:
    """Raise OSError where not all frames arrived: OpenCV says nothing of a full disk."""
    film = cv2.VideoCapture(str(path.absolute()))
    arrived = _announced(film)
    film.release()
    if arrived != frames:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _tolerant(work: Work, frame: np.ndarray, scale: int) -> tuple[np.ndarray, list[UpscaledFace]]:
    try:
        return work(frame)
    except NoFaceError:
        return upsample_image(frame, scale), []


def _with_sound(silent: Path, source: Path, out: Path) -> str:
    """Write `out`: the frames of `silent` and the sound of `source`; says what became of it."""
    if not has_ffmpeg():
        silent.replace(out)
        return NO_FFMPEG
    if "Audio:" not in _ffmpeg("-i", f"file:{source.absolute()}").stderr:
        silent.replace(out)
        return NONE
    given = ("-i", f"file:{silent.absolute()}", "-i", f"file:{source.absolute()}")
    streams = ("-map", "0:v:0", "-map", "1:a", "-c:v", "copy", "-map_metadata", "-1")
    for codec in ("copy", "aac"):  # MP4 takes not every codec, such as the PCM of cameras.
        target = ("-c:a", codec, "-fflags", "+bitexact", "-f", "mp4", f"file:{out.absolute()}")
        if _ffmpeg("-y", *given, *streams, *target).returncode == 0:
            silent.unlink()
            return KEPT
    silent.replace(out)
    return "not kept: ffmpeg cannot read it"


def _ffmpeg(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("ffmpeg", "-nostdin", "-hide_banner", *arguments)
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _add_notice(path: Path) -> None:
    """Append a box that players skip, with the notice, to an MP4."""
    text = NOTICE.encode()
    with path.open("ab") as file:
        file.write((8 + len(text)).to_bytes(4, "big") + b"free" + text)

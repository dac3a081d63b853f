"""`facebench upscale`: every file of a folder ends as done, left alone, failed or passed over."""

from __future__ import annotations

import errno
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2

import faceref
from benchmark.upscaling.explain import explain_faces
from benchmark.upscaling.faces import NoFaceError
from benchmark.upscaling.images import NOTICE, write_image
from benchmark.upscaling.jobs import UNFINISHED, Job, list_jobs
from benchmark.upscaling.records import Entry, Records, input_sha256
from benchmark.upscaling.upscaler import Upscaler
from benchmark.upscaling.video import NO_FFMPEG, has_ffmpeg, upscale_video
from faceref.api.arguments import as_path
from faceref.console import progress_bar
from faceref.errors import FaceRefError, UnwritableError
from faceref.outputs.leftovers import sweep
from faceref.outputs.lock import holding
from faceref.outputs.ours import need_outside_of_sets
from faceref.reading.image import decode

_SHOWN = 3
_HEARD = 0.1
"""Seconds between sight and sound that people notice."""


@dataclass(frozen=True)
class UpscaledFiles:
    """What `upscale_files` came to: each file is counted once."""

    report: Path
    """JSON with each file, its faces and their references."""
    done: int
    """Files with a super-resolved face."""
    left_alone: dict[str, str]
    """Why all faces of a file were left as upsampling makes them, by its name."""
    failed: dict[str, str]
    """Why a file could not be super-resolved, by its name."""
    passed_over: dict[str, str] = field(default_factory=dict)
    """Why a file is no image and no video, by its name."""
    notes: list[str] = field(default_factory=list)
    """What else is to be known, a line each: of videos, and of references that were not given."""

    def summary(self) -> list[str]:
        """What to say of it, a line each."""
        by_reason: dict[str, list[str]] = defaultdict(list)
        for name, reason in self.passed_over.items():
            by_reason[reason].append(name)
        why_alone = ", ".join(sorted(set(self.left_alone.values())))
        counts = {
            "super-resolved": self.done,
            f"left alone{f' (faces: {why_alone})' if why_alone else ''}": len(self.left_alone),
            "failed": len(self.failed),
            "passed over": len(self.passed_over),
        }
        return [
            *(f"{name}: {why}" for name, why in self.failed.items()),
            *(f"passed over, {reason}: {_named(names)}" for reason, names in by_reason.items()),
            *self.notes,
            f"{', '.join(f'{count:,} {what}' for what, count in counts.items())}: {self.report}",
            *([NOTICE] if self.done else []),
        ]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def upscale_files(
    given: str | Path,
    out: str | Path,
    upscaler: Upscaler | Callable[[], Upscaler],
    *,
    explain: bool = False,
    progress: bool = True,
) -> UpscaledFiles:
    """Super-resolve the faces of an image, a video, or of all images and videos in a folder.

    Sub-folders are read, too, without links to folders. A file that cannot be read or has no face
    is named in the report; the others go on. What was done already, from the same file in the same
    way, is not done again: an interrupted call goes on with the first file that is missing.

    Args:
        given: An image, a video, or a folder of them.
        out: Folder to write to: `NAME.png` for an image, `NAME.mp4` for a video, where two would
            have one name `NAME.jpg.png`; and `report.json`. Only files that this function made are
            written over.
        upscaler: What super-resolves; or what opens it, which is called when it is clear that there
            are files to read and a place to write to.
        explain: Also write, for each image, a sheet of its faces beside their references.
        progress: Show a progress bar.

    Returns:
        How many files were done, and why the others were not.

    Raises:
        FaceRefError: Where there is no image, or `out` cannot be written or holds other files of
            those names; nothing was written then.
    """
    given, out = as_path(given), as_path(out)
    need_outside_of_sets(out)
    jobs = list_jobs(given, out)
    opened = upscaler if isinstance(upscaler, Upscaler) else upscaler()
    with holding(out / UNFINISHED, out):
        _sweep(out, jobs.listed)
        records = Records(out, _settings(opened, explain))
        entries: list[Entry] = []
        total = len(jobs.listed)
        with progress_bar("Super-resolving", "files", shown=progress) as update:
            for place, job in enumerate(jobs.listed):
                say = partial(_say_frames, update, place, total, job.name)
                entries.append(_entry(job, records, opened, explain, say))
                update(place + 1, total)
        made = [entry for entry in entries if "faces" in entry]
        failed = [entry for entry in entries if "error" in entry]
        over = [{"input": name, "reason": why} for name, why in jobs.passed_over.items()]
        report = records.finish({"files": made, "failed": failed, "passed_over": over})
    left_alone = {entry["input"]: why for entry in made if (why := _why_left_alone(entry))}
    errors = {entry["input"]: entry["error"] for entry in failed}
    done = len(made) - len(left_alone)
    notes = [*_without_references(made, opened), *_notes(made)]
    return UpscaledFiles(report, done, left_alone, errors, jobs.passed_over, notes)


def _sweep(out: Path, jobs: Iterable[Job]) -> None:
    """Delete what a process that was killed left half-written in the folders of outputs."""
    folders = {out, out / UNFINISHED}
    for job in jobs:
        folders |= {job.out.parent, job.sheets}
    for folder in folders:
        sweep(folder)


def _why_left_alone(entry: Entry) -> str:
    """Why no face of a file was super-resolved; empty where one was."""
    reasons = [face["left_alone"] for face in entry["faces"]]
    if not all(reasons):
        return ""
    return ", ".join(sorted({reason.rpartition(": ")[2] for reason in reasons}))


def _without_references(made: list[Entry], upscaler: Upscaler) -> list[str]:
    """A line where references were asked for, and no face was given any."""
    faces = [face for entry in made for face in entry["faces"] if face["scale"]]
    if not upscaler.count or not faces or any(face["references"] for face in faces):
        return []
    scales = sorted({face["scale"] for face in faces})
    used = " and ".join(f"the x{scale} network" for scale in scales)
    take = "takes" if len(scales) == 1 else "take"
    return [f"no face was given references: {used} {take} none"]


def _settings(upscaler: Upscaler, explain: bool) -> dict[str, Any]:
    """All that outputs depend on beside their input."""
    finder = upscaler.embedder
    return {
        "version": faceref.__version__,
        **upscaler.provenance(),
        "scale": upscaler.scale,
        "faces_found_by": None if finder is None else finder.provenance(),
        "explain": explain,
    }


def _say_frames(
    update: Callable[..., None], place: int, total: int, name: str, done: int, frames: int
) -> None:
    update(place, total, f"{name}: frame {done:,} of {max(done, frames):,}")


def _entry(
    job: Job, records: Records, upscaler: Upscaler, explain: bool, say: Callable[[int, int], None]
) -> Entry:
    """What the report says of a file, which is made unless it is there; an error is a reason."""
    entry: Entry = {"input": job.name}
    try:
        known = records.find(job)
        if known is not None and not (known.get("sound") == NO_FFMPEG and has_ffmpeg()):
            return known
        entry["sha256"] = input_sha256(job)
        made = _made(job, records.out, upscaler, explain, say)
        entry |= {"output": _relative(job.out, records.out), **made}
    except NoFaceError as error:
        entry["error"] = str(error)
    except UnwritableError as error:
        if getattr(error.__cause__, "errno", None) != errno.ENAMETOOLONG:
            raise  # The next file would end in the same way.
        return {**entry, "error": "has too long a name for its outputs"}
    except FaceRefError as error:
        return {**entry, "error": str(error)}  # It may be mended with the file as it is.
    records.keep(job, entry)
    return entry


def _made(
    job: Job, out: Path, upscaler: Upscaler, explain: bool, say: Callable[[int, int], None]
) -> Mapping[str, Any]:
    """Write the outputs of a file; gives what to report of it."""
    if job.video:
        scale = None if upscaler.embedder is None else upscaler.scale
        try:
            return upscale_video(job.source, job.out, upscaler.frame, scale, say)
        except KeyboardInterrupt:
            way_on = "give the same command again: finished files stay, and this video begins anew"
            raise KeyboardInterrupt(f"{way_on}: {job.name}") from None
    try:
        found = upscaler.decoded(decode(job.source))
    except (cv2.error, MemoryError) as error:
        raise FaceRefError("has a size that OpenCV cannot work on, or too large a one") from error
    shutil.rmtree(job.sheets, ignore_errors=True)  # Of other settings, or another input.
    sheets = explain_faces(found.faces, job.sheets) if explain else []
    write_image(found.image, job.out, found.alpha)
    reports = [face.report() for face in found.faces]
    explained = {"explained": [_relative(path, out) for path in sheets]} if explain else {}
    return {**explained, "faces": reports}


def _relative(path: Path, out: Path) -> str:
    return path.relative_to(out).as_posix()


def _notes(made: list[Entry]) -> list[str]:
    """Lines about videos: frames that were not there, sound that is not kept."""
    films = [entry for entry in made if "sound" in entry]
    lines = [
        f"{film['input']}: {film['frames']:,} frames could be read; the file says it has "
        f"{film['announced']:,}"
        for film in films
        if film["frames"] < film["announced"] - 1
    ]
    lines += [
        f"{film['input']}: its frames come at varying times; {film['output']} has "
        f"{film['rate']:g} a second, so that sight and sound are up to {film['off']:g} s apart"
        for film in films
        if film.get("off", 0) > _HEARD
    ]
    silent = [film["input"] for film in films if film["sound"] == NO_FFMPEG]
    if silent:
        lines.append(
            f"sound is not kept, where there was any, of {_named(silent)}: install ffmpeg and give "
            "the same command again"
        )
    lost = [f for f in films if f["sound"].startswith("not kept") and f["input"] not in silent]
    return [*lines, *(f"{film['input']}: sound {film['sound']}" for film in lost)]

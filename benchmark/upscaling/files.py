"""What `facebench upscale` reads and writes: images, folders, videos, sheets and the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmark.upscaling.faces import UpscaledFace
from benchmark.upscaling.images import NOTICE, read_image, write_image
from benchmark.upscaling.paste import upsample_image
from benchmark.upscaling.upscaler import Upscaler
from faceref.console import Progress, progress_bar
from faceref.errors import FaceRefError
from faceref.files import replacing, write_text
from faceref.images import Tile, draw, save

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm")
REPORT = "report.json"
Work = Callable[[np.ndarray], tuple[np.ndarray, list[UpscaledFace]]]


@dataclass(frozen=True)
class Job:
    """One file to super-resolve."""

    source: Path
    out: Path

    @property
    def video(self) -> bool:
        """Whether it is done frame by frame."""
        return self.source.suffix.lower() in VIDEOS


def jobs(given: Path, out: Path) -> list[Job]:
    """The images and videos at `given`, a file or a folder; raises FaceRefError for none."""
    known = (*IMAGES, *VIDEOS)
    if given.is_dir():
        paths = sorted(path for path in given.iterdir() if path.suffix.lower() in known)
    else:
        paths = [given] if given.is_file() and given.suffix.lower() in known else []
    if not paths:
        raise FaceRefError(f"No image and no video at {given}. Known endings: {', '.join(known)}.")
    names = [path.name if path.suffix.lower() in VIDEOS else f"{path.stem}.png" for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise FaceRefError(f"Two files in {given} would become {twice}. Rename one.")
    return [
        Job(path, out / (Path(name).with_suffix(".mp4") if path.suffix.lower() in VIDEOS else name))
        for path, name in zip(paths, names, strict=True)
    ]


def run_video(
    job: Job, work: Work, progress: Callable[[int, int], None]
) -> list[list[UpscaledFace]]:
    """Super-resolve a video frame by frame, without its sound.

    Frames without a face are upsampled only.

    Returns the faces of each frame.
    """
    film = cv2.VideoCapture(str(job.source))
    total, rate = int(film.get(cv2.CAP_PROP_FRAME_COUNT)), film.get(cv2.CAP_PROP_FPS) or 25.0
    job.out.parent.mkdir(parents=True, exist_ok=True)
    found: list[list[UpscaledFace]] = []
    writer = None
    with replacing(job.out) as temporary:
        for frame in _frames(film):
            image, faces = work(frame)
            height, width = image.shape[:2]
            if writer is None:
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(temporary), code, rate, (width, height))
            writer.write(np.ascontiguousarray(image[..., ::-1]))
            found.append(faces)
            progress(len(found), total)
        film.release()
        if writer is None:
            raise FaceRefError("has no frame that can be read")
        writer.release()
    return found


def _frames(film: Any) -> Iterator[np.ndarray]:
    while True:
        there, frame = film.read()
        if not there:
            return
        yield np.ascontiguousarray(frame[..., ::-1])


def tolerant(work: Work, scale: int) -> Work:
    """`work` for frames: one that has no face is only upsampled."""

    def one(frame: np.ndarray) -> tuple[np.ndarray, list[UpscaledFace]]:
        try:
            return work(frame)
        except FaceRefError as error:
            if "no face found" not in str(error):
                raise
            return upsample_image(frame, scale), []

    return one


def explain_faces(faces: Sequence[UpscaledFace], folder: Path) -> None:
    """A sheet of the faces beside their references and relevance, and each reference."""
    rows = [_explained(face) for face in faces if face.super_resolved is not None]
    if rows:
        heads = {0: "input 16x16", 1: "bicubic", 2: "result", 3: "references, score; relevance"}
        save(draw(rows, heads, 3), folder / "faces.png")
    for place, face in enumerate(faces):
        for rank, one in enumerate(face.references):
            write_image(one.image, folder / f"face{place:03d}-reference{rank}.png")


def _explained(face: UpscaledFace) -> list[Tile]:
    assert face.super_resolved is not None
    small = cv2.resize(face.lr, (128, 128), interpolation=cv2.INTER_NEAREST)
    smooth = np.asarray(Image.fromarray(face.lr).resize((128, 128), Image.Resampling.BICUBIC))
    tiles = [Tile(small, ""), Tile(smooth, ""), Tile(face.super_resolved, "", strong=True)]
    for rank, one in enumerate(face.references):
        tiles.append(Tile(one.image, f"{one.score:.3f} {one.image_id}"))
        if face.relevance is not None:
            tiles.append(
                Tile(heat(face.relevance[rank]), f"cosine {face.relevance[rank].mean():.2f}")
            )
    return tiles


def heat(cosine: np.ndarray) -> np.ndarray:
    """A map (32, 32) of cosines from 0 to 1 as uint8 RGB (128, 128, 3): light is similar."""
    grey = np.rint(cosine.clip(0, 1) * 255).astype(np.uint8)
    large = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)[..., ::-1])


def write_report(content: dict[str, Any], out: Path) -> Path:
    """`report.json` in the folder `out`."""
    path = out / REPORT
    write_text(path, json.dumps({"notice": NOTICE, **content}, indent=2) + "\n")
    return path


@dataclass(frozen=True)
class UpscaledFiles:
    """What `upscale_files` came to."""

    report: Path
    """JSON with each file, its faces and their references."""
    done: int
    failed: dict[str, str]
    """Why a file could not be super-resolved, by its name."""

    def summary(self) -> list[str]:
        """What to say of it, a line each."""
        every = self.done + len(self.failed)
        return [
            *(f"{name}: {why}" for name, why in self.failed.items()),
            f"{self.done:,} of {every:,} files super-resolved: {self.report}",
            NOTICE,
        ]


def upscale_files(
    given: str | Path,
    out: str | Path,
    upscaler: Upscaler,
    *,
    explain: bool = False,
    progress: bool = True,
) -> UpscaledFiles:
    """Super-resolve the faces of an image, a video, or of all images and videos in a folder.

    A file that cannot be read or has no face is named in the report; the others go on.

    Args:
        given: An image, a video, or a folder of them.
        out: Folder to write to: `NAME.png` for an image, `NAME.mp4` for a video, `report.json`.
        upscaler: What super-resolves.
        explain: Also write, for each image, a sheet of its faces beside their references.
        progress: Show a progress bar.

    Returns:
        How many files were done, and why the others were not.

    Raises:
        FaceRefError: Where there is no image, or none could be super-resolved.
    """
    given, out = Path(given), Path(out)
    listed = jobs(given, out)
    done, failed = [], {}
    with progress_bar("Super-resolving", "images", shown=progress) as update:
        for place, job in enumerate(listed, 1):
            try:
                faces = _one(job, upscaler, explain, update)
            except FaceRefError as error:
                failed[job.source.name] = str(error)
                continue
            reports = [face.report() for face in faces]
            done.append({"input": job.source.name, "output": job.out.name, "faces": reports})
            update(place, len(listed))
    if not done:
        reasons = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise FaceRefError(
            f"None of the {len(listed)} files at {given} could be super-resolved: {reasons}"
        )
    errors = [{"input": name, "error": why} for name, why in failed.items()]
    content = {**upscaler.provenance(), "files": done, "failed": errors}
    return UpscaledFiles(write_report(content, out), len(done), failed)


def _one(job: Job, upscaler: Upscaler, explained: bool, update: Progress) -> list[UpscaledFace]:
    """Super-resolve one file; returns its faces."""
    if job.video:
        frames = run_video(job, tolerant(upscaler.frame, upscaler.scale), update)
        return [face for frame in frames for face in frame]
    found = upscaler(read_image(job.source))
    write_image(found.image, job.out)
    if explained:
        explain_faces(found.faces, job.out.with_name(f"{job.out.stem}-explained"))
    return found.faces

"""Which files `facebench upscale` reads, and what each becomes: no output is lost or in the way."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.upscaling.images import is_ours
from faceref.errors import FaceRefError
from faceref.outputs.writable import need_folder
from faceref.reading.image_format import IMAGE_ENDINGS

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".3gp")
KNOWN = (*IMAGE_ENDINGS, *VIDEOS)
REPORT = "report.json"
UNFINISHED = ".unfinished"
"""Folder in which is kept what is done, until the report says it."""
_SHOWN = 3


@dataclass(frozen=True)
class Job:
    """One file to super-resolve."""

    source: Path
    name: str
    """Path below the folder that was given, as reports name it."""
    out: Path

    @property
    def video(self) -> bool:
        """Whether it is done frame by frame."""
        return self.source.suffix.lower() in VIDEOS

    @property
    def sheets(self) -> Path:
        """Folder of what `--explain` writes."""
        return _sheets(self.out)


@dataclass(frozen=True)
class Jobs:
    """What a file or a folder comes to."""

    listed: list[Job]
    passed_over: dict[str, str] = field(default_factory=dict)
    """Why a file is none to super-resolve, by its path below the folder."""


def list_jobs(given: Path, out: Path) -> Jobs:
    """List the images and videos at `given` and see that their outputs can be written.

    Sub-folders are listed, too, without links to folders and without `out`, where that lies in
    `given`; their outputs lie in sub-folders of `out`.

    Args:
        given: An image, a video, or a folder of them.
        out: Folder to write to.

    Returns:
        The files in order, each with an output of its own.

    Raises:
        FaceRefError: Where there is no image and no video, `out` cannot be written, or an output
            is an input or a file that this command did not make.
    """
    paths, passed_over = _files(given, out)
    if not paths:
        others = f" ({len(passed_over):,} others)" if passed_over else ""
        raise FaceRefError(
            f"No image and no video at {given}{others}. Known endings: {', '.join(KNOWN)}."
        )
    root = given if given.is_dir() else given.parent
    names = [path.relative_to(root) for path in paths]
    outputs = output_names(names)
    found = [
        Job(path, shown(name.as_posix()), out / output)
        for path, name, output in zip(paths, names, outputs, strict=True)
    ]
    _need_folder_name(out, found[0])
    need_folder(out)
    _need_apart(given, out, found)
    return Jobs(found, passed_over)


def shown(name: str) -> str:
    """A name of a file as it can be printed in a line: control and undecodable bytes as escapes."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def _files(given: Path, out: Path) -> tuple[list[Path], dict[str, str]]:
    """The files to super-resolve, sorted, and why others are passed over."""
    if not given.is_dir():
        if not given.exists():
            raise FaceRefError(f"No file and no folder at {given}. Give an image or a video.")
        if not given.is_file():  # A pipe would be waited for.
            raise FaceRefError(
                f"{given} is a pipe or a device. Give an image, a video or a folder."
            )
        return ([given] if given.suffix.lower() in KNOWN else []), {}
    found: list[Path] = []
    passed_over: dict[str, str] = {}

    def pass_over(path: str | Path, reason: str) -> None:
        passed_over[shown(Path(path).relative_to(given).as_posix())] = reason

    target = out.resolve()
    for folder, folders, files in os.walk(
        given, onerror=lambda error: pass_over(error.filename, "a folder that may not be read")
    ):
        inside = [Path(folder, name) for name in folders if Path(folder, name).resolve() != target]
        for path in inside:
            if path.name.startswith("."):
                pass_over(path, "hidden")
            elif path.is_symlink():
                pass_over(path, "a link to a folder")
        folders[:] = [path.name for path in inside if _shown_folder(path)]
        for path in (Path(folder, name) for name in files):
            if path.name.startswith("."):
                pass_over(path, "hidden")
            elif path.suffix.lower() not in KNOWN:
                pass_over(path, "no image and no video by its ending")
            elif not path.is_file():
                pass_over(path, "a link to nothing, a pipe or a device")
            else:
                found.append(path)
    return sorted(found), dict(sorted(passed_over.items()))


def _shown_folder(path: Path) -> bool:
    return not path.name.startswith(".") and not path.is_symlink()


def output_names(names: Sequence[Path]) -> list[Path]:
    """An output for each input: `a.jpg` becomes `a.png`, a video `a.mp4`.

    Where that of two would be one, also on a disk that takes `A` for `a`, they keep their ending:
    `a.jpg.png`; where even that is taken, a number tells them apart.

    Args:
        names: Relative paths of the inputs, in order.

    Returns:
        Relative paths, all different.

    Example:
        >>> [path.name for path in output_names([Path("a.jpg"), Path("a.png"), Path("b.avi")])]
        ['a.jpg.png', 'a.png.png', 'b.mp4']
    """
    plain = [name.with_suffix(_ending(name)) for name in names]
    claims: dict[str, int] = {}
    for path in plain:
        claims[_key(path)] = claims.get(_key(path), 0) + 1
    taken = {_key(parent) for name in names for parent in name.parents}
    chosen: dict[Path, Path] = {}
    alone = [claims[_key(path)] == 1 for path in plain]
    # Those that have no rival choose first, so that the names of others do not change theirs.
    for name, path, _ in sorted(zip(names, plain, alone, strict=True), key=lambda row: not row[2]):
        kept = name.with_name(name.name + path.suffix)
        numbered = (
            name.with_name(f"{name.name}-{number}{path.suffix}")
            for number in range(2, len(names) + 2)
        )
        rivals = [kept, *numbered]
        options = [path, *rivals] if claims[_key(path)] == 1 else rivals
        chosen[name] = next(option for option in options if taken.isdisjoint(_keys(option)))
        taken.update(_keys(chosen[name]))
    return [chosen[name] for name in names]


def _ending(name: Path) -> str:
    return ".mp4" if name.suffix.lower() in VIDEOS else ".png"


def _sheets(out: Path) -> Path:
    return out.with_name(f"{out.stem}-explained")


def _keys(output: Path) -> set[str]:
    sheets = () if output.suffix == ".mp4" else (_sheets(output),)
    return {_key(path) for path in (output, *sheets)}


def _key(path: Path) -> str:
    """Equal for paths that some disk takes for one."""
    return unicodedata.normalize("NFC", path.as_posix()).casefold()


def _need_folder_name(out: Path, job: Job) -> None:
    """Raise FaceRefError where `out` is named like a file, and is no folder."""
    if out.suffix.lower() in KNOWN and not out.is_dir():
        raise FaceRefError(
            f"--out {out} is named like a file, but outputs go to a folder: {job.name} becomes "
            f"FOLDER/{job.out.relative_to(out)}. Give a folder, such as {out.with_suffix('')}."
        )


def _need_apart(given: Path, out: Path, jobs: Sequence[Job]) -> None:
    """Raise FaceRefError where an output is an input, or a file that is not ours."""
    if given.is_dir() and out.resolve() == given.resolve():
        raise FaceRefError(
            f"--out {out} is the folder that is read: its files could be written over. Choose "
            f"another --out, such as {out.resolve().name}-large."
        )
    inputs = {_identity(job.source) for job in jobs}
    there = [path for job in jobs for path in (job.out, job.sheets) if os.path.lexists(path)]
    for path in there:
        if path.exists() and _identity(path) in inputs:
            raise FaceRefError(f"{path} is read and would be written over. Choose another --out.")
    report = out / REPORT
    foreign = [path for path in (report, *there) if os.path.lexists(path) and not is_ours(path)]
    if foreign:
        more = f" and {len(foreign) - _SHOWN:,} more" if len(foreign) > _SHOWN else ""
        names = ", ".join(shown(str(path)) for path in foreign[:_SHOWN])
        raise FaceRefError(
            f"{names}{more} would be written over and did not come from this command. Choose "
            "another --out."
        )


def _identity(path: Path) -> tuple[int, int] | str:
    """Equal for two paths of one file, through links, too."""
    try:
        state = path.stat()
    except OSError:  # a link that leads nowhere
        return str(path.absolute())
    return state.st_dev, state.st_ino

"""Images that an outside tool made: checked to the last name, then scored."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.evaluation.evaluate import Check, result_of, score_all
from benchmark.evaluation.hints import few, hint
from benchmark.evaluation.record import MethodRecord
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from benchmark.methods.registry import need_free_name
from benchmark.protocol.tasks import HR_SIZE
from faceref.console import say_aside
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError, UnreadableImage
from faceref.reading.image import decode

if TYPE_CHECKING:
    from benchmark.evaluation.extra_metrics import ExtraMetrics
    from benchmark.results.result import Result

SHOWN = 5
"""Names that one error lists."""
_EXPECTED = (
    "A folder of predictions holds one PNG for each face of the split, <image_id>.png, letter for "
    "letter, and no other file."
)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}
"""Colour types of a PNG (ISO/IEC 15948, 11.2.2)."""
_WAY_OUT = {
    "grey": "write all three channels, Image.convert('RGB')",
    "palette": "Image.convert('RGB'), and save without quantisation",
    "grey with alpha": "drop the alpha, Image.convert('RGB')",
    "RGBA": "drop the alpha, Image.convert('RGB')",
    "RGB": "round to 8 bit where the image is made",
}


def evaluate_predictions(
    face_ref: FaceRef,
    folder: str | Path,
    name: str,
    setting: Setting,
    extras: ExtraMetrics | None = None,
    check: Check | None = None,
) -> Result:
    """Score the images of somebody else's method. Nothing is scored before all files are checked.

    Where another order of colours, a turn or a shift would raise PSNR by much, a line says so.

    Args:
        face_ref: The opened set.
        folder: Holds `<image_id>.png` for each face of the split, 128x128 in 8-bit RGB.
        name: What the result calls the method.
        setting: The task and split; its references are not looked at.
        extras: Metrics beside the four of every result.
        check: Called before anything is scored, see `benchmark.evaluation.evaluate.Check`.

    Returns:
        The result, not written yet.

    Raises:
        FaceRefError: For a name that is not plain, or a method's; where images are missing, or
            there for no face of the split; where one has another size or mode or is damaged; and
            for the metric `usage`, as it is not known which references were used.
    """
    if extras is not None and "usage" in extras.scorers:
        raise FaceRefError(
            "Not available: usage. Which references made images from outside is not known; "
            "leave it out of --metrics."
        )
    need_free_name(name)
    faces = read_faces(face_ref, setting)
    known = result_of(face_ref, setting, faces, MethodRecord(name, name), check)
    paths = find(Path(folder), faces.image_ids, face_ref.column(setting.split, "image_id"))
    need_sound(paths)
    chosen = few(len(paths))
    if said := hint([_read(paths[row]) for row in chosen], [faces.hr[row] for row in chosen]):
        say_aside(said)
    return known(scores=score_all(_read_all(paths), faces, None, extras))


def find(folder: Path, wanted: Sequence[str], split: Iterable[str]) -> list[Path]:
    """The image of each image id of `wanted`, in order, where `folder` holds no other file.

    Names are compared letter for letter, also where the file system does not. Images of the rest
    of the `split` may be there; hidden files are not looked at. Raises one FaceRefError that counts
    all that is missing and all that is too much.
    """
    if not folder.is_dir():
        raise FaceRefError(
            f"{folder} is no folder, as --predictions needs it. {_EXPECTED} Files for --spandrel "
            "end in .safetensors or .pth."
        )
    there = set(_files(folder))
    missing = [name for name in map(_file_name, wanted) if name not in there]
    strange = there.difference(map(_file_name, split))
    extra = sorted(name for name in strange if not _hidden(name))
    if missing or extra:
        raise FaceRefError(_mismatch(folder, missing, len(wanted), extra))
    return [folder / _file_name(image_id) for image_id in wanted]


def _file_name(image_id: str) -> str:
    return f"{image_id}.png"


def _files(folder: Path) -> Iterator[str]:
    """Paths of all files below `folder`, relative, with `/`."""
    for root, _, names in os.walk(folder, followlinks=True):
        below = Path(root).relative_to(folder)
        yield from ((below / name).as_posix() for name in names)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _mismatch(folder: Path, missing: list[str], wanted: int, extra: list[str]) -> str:
    parts = []
    if missing:
        parts.append(f"No prediction for {len(missing):,} of {wanted:,} faces: {_few(missing)}.")
    if extra:
        parts.append(f"Files that are no face of the split, {len(extra):,}: {_few(extra)}.")
    return " ".join([f"{folder}:", *parts, _EXPECTED])


def _few(items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN:,} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more


def need_sound(paths: Sequence[Path]) -> None:
    """Raises one FaceRefError that counts the `paths` that are no PNG of 128x128 in 8-bit RGB."""
    wrong = [f"{path} {found}" for path in paths if (found := problem(path))]
    if wrong:
        raise FaceRefError(
            f"{len(wrong):,} of {len(paths):,} predictions are not {HR_SIZE}x{HR_SIZE} PNG in "
            f"8-bit RGB: {_few(wrong)}. Nothing was scored."
        )


def problem(path: Path) -> str | None:
    """What is wrong with a prediction, in words; None where nothing is.

    The header is read here and not by Pillow, which opens 16-bit RGB as 8-bit without a word.
    """
    try:
        with path.open("rb") as file:
            head = file.read(26)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if not head.startswith(_SIGNATURE):
        return "is no PNG (save it as one; another format renamed will not do)"
    if len(head) < 26:
        return "is damaged: it ends in its header (copy it again)"
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    if (width, height) != (HR_SIZE, HR_SIZE):
        return f"is {width}x{height} (super-resolve the LR face that the task says)"
    kind = _COLOURS.get(colour, f"colour type {colour}")
    if (kind, bits) != ("RGB", 8):
        return f"is {bits}-bit {kind} ({_WAY_OUT.get(kind, 'save it again')})"
    return _damage(path)


def _damage(path: Path) -> str | None:
    try:
        _read(path)
    except UnreadableImage as error:
        return f"is damaged: {error} (copy it again)"
    return None


def _read(path: Path) -> np.ndarray:
    """uint8 RGB (128, 128, 3)."""
    return decode(path).pixels


def _read_all(paths: Sequence[Path]) -> Iterator[np.ndarray]:
    return map(_read, paths)

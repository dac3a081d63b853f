"""A reference study on disk: one JSON file, read without torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmark.results.paired import Paired, paired
from faceref.errors import FaceRefError
from faceref.files import write_text
from faceref.reading.boundary import reading
from faceref.reading.json_file import read_json
from faceref.reading.shape import COUNT, NUMBER, Each

FORMAT = 1
KINDS = (
    "random",
    "refs_lr",
    "refs_lr_appearance",
    "refs_lr_identity",
    "refs_lr_both",
    "refs_hr",
    "refs_hr_appearance",
    "refs_hr_identity",
    "refs_hr_both",
    "same",
    "target",
)
"""From the least to the most similar. `refs_lr` and `refs_hr` are the lists of the Face_Ref that is
studied; those with a likeness in the name are from other builds of the same faces."""
NAMES = {
    "random": "random faces",
    "refs_lr": "look-alikes by the LR face",
    "refs_hr": "look-alikes by the HR face",
    **{
        f"refs_{size}_{likeness}": f"look-alikes by the {name} face, {words}"
        for size, name in (("lr", "LR"), ("hr", "HR"))
        for likeness, words in (
            ("appearance", "appearance"),
            ("identity", "identity"),
            ("both", "identity and appearance"),
        )
    },
    "same": "the same person",
    "target": "the target itself",
}
"""How pages call the kinds."""
BANDS = ((0, 8), (8, 16), (16, 32), (32, 91))
"""Rings of spatial frequency, in cycles a face width; the LR face holds those below 8."""
REGIONS = {
    "eyes": (40, 64, 32, 96),
    "nose": (60, 80, 48, 80),
    "mouth": (84, 106, 42, 86),
    "face": (30, 116, 26, 102),
}
"""Boxes of the aligned frame, in pixels: top, bottom, left, right; `face` holds the others."""
CHOICES = ("lr", "place", "hr")
"""By what a block of detail is chosen from references: see `benchmark.studies.patch_oracle`."""


@dataclass(frozen=True)
class Cell:
    """One kind and number of references; the lists have one number a face."""

    kind: str
    """One of `KINDS`, or `none` for K = 0."""
    references: int
    psnr_y: list[float]
    ssim_y: list[float]
    bands: list[float]
    """Mean squared error of Y in each of `BANDS`, averaged over faces, 0-255 scale."""
    regions: dict[str, float]
    """Mean squared error of Y in each of `REGIONS` and in `elsewhere`, averaged over faces."""


@dataclass(frozen=True)
class Patches:
    """Detail copied from one kind and number of references, without a network."""

    kind: str
    references: int
    choice: str
    """One of `CHOICES`."""
    gain: float
    """What the detail was multiplied by."""
    psnr_y: list[float]
    """Over bicubic, dB, one number a face."""


@dataclass(frozen=True)
class Study:
    """All cells of one trained method, and what they were measured on."""

    task: str
    method: str
    title: str
    budget: str
    seed: int
    split: str
    data_revision: str
    images: int
    images_sha256: str
    weights_sha256: str
    code: str
    hardware: dict[str, Any]
    cells: list[Cell]
    patches: list[Patches] = field(default_factory=list)
    """Empty where none were copied."""
    people: list[int] = field(default_factory=list)
    """A number for each face's person. Empty where image ids do not begin with the person, as in
    CelebA, whose table of people must not be passed on, and in studies from before it was kept."""
    format: int = FORMAT

    @property
    def kinds(self) -> list[str]:
        """The kinds that were studied, in the order of `KINDS`, the target last."""
        found = {cell.kind for cell in self.cells}
        return [kind for kind in KINDS if kind in found]

    @property
    def persons(self) -> np.ndarray:
        """`people`, int64 (N,); each face its own person where they are not kept."""
        return np.array(self.people or range(self.images), np.int64)

    @property
    def name(self) -> str:
        """File name, without suffix."""
        end = "references" if self.split == "test" else f"references-{self.split}"
        return f"{self.task.replace('@', '-v')}-{self.method}-{self.budget}-s{self.seed}-{end}"

    def cell(self, kind: str, references: int) -> Cell:
        """The cell of `kind` and K."""
        for cell in self.cells:
            if (cell.kind, cell.references) == (kind, references):
                return cell
        raise FaceRefError(f"The study has no cell {kind} with K = {references}.")


_SCORES = {"psnr_y": [NUMBER], "ssim_y": [NUMBER], "references": COUNT}
_PARTS: dict[type, dict[str, Any]] = {
    Cell: {**_SCORES, "kind": str, "bands": [NUMBER], "regions": Each(NUMBER)},
    Patches: {**_SCORES, "kind": str, "choice": str, "gain": NUMBER},
}
_SHAPE = {
    **dict.fromkeys(("task", "method", "title", "budget", "split", "data_revision"), str),
    **dict.fromkeys(("images_sha256", "weights_sha256", "code"), str),
    "seed": COUNT,
    "images": COUNT,
    "people": [COUNT],
    "hardware": dict,
    "cells": [_PARTS[Cell]],
    "patches": [_PARTS[Patches]],
}


def write(study: Study, path: Path) -> None:
    """Write `study` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(asdict(study)) + "\n")


def read(path: Path) -> Study:
    """Read a study; raises FaceRefError where the file is none of format 1."""
    again = "Make it again: facebench study references"
    content = read_json(path, again, _SHAPE)
    if content["format"] != FORMAT:
        raise FaceRefError(f"{path} is no study of format {FORMAT}. {again}")
    with reading(path, again, "is no study"):
        content.pop("format")
        cells = [Cell(**cell) for cell in content.pop("cells")]
        patches = [Patches(**one) for one in content.pop("patches", ())]
        return Study(**content, cells=cells, patches=patches)


Part = TypeVar("Part", Cell, Patches)


class StudyCheckpoint:
    """One file a part, in a folder that is named by what is studied.

    `folder` None keeps nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._parent = folder
        self._folder: Path | None = None

    def begin(self, key: str) -> None:
        """Keep parts of the study `key`, a digest of all that its numbers depend on."""
        if self._parent is not None:
            self._folder = self._parent / f"unfinished-{key[:16]}"

    def get(self, name: str, kind: type[Part], make: Callable[[], list[Part]]) -> list[Part]:
        """The part `name`: as it was kept, or made, and then kept."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}.json"
        if path.exists():
            again = "Delete it: the same command measures that part again."
            kept = read_json(path, again, [_PARTS[kind]])
            with reading(path, again):
                return [kind(**one) for one in kept]
        found = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps([asdict(one) for one in found]))
        return found

    def forget(self) -> None:
        """Remove what was kept: the study is written."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def gain(study: Study, cell: Cell) -> Paired:
    """PSNR-Y of `cell` over K = 0 in dB, face by face, its interval over people."""
    return paired(cell.psnr_y, study.cell("none", 0).psnr_y, study.persons)

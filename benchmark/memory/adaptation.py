"""What a network was adapted with: kept in its file, and in each of its results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError
from faceref.reading.json_file import parse_json
from faceref.reading.shape import COUNT, NUMBER, Maybe, need_shape

KEY = "adaptation"
"""In the metadata of a file."""
MEMORY, TUNING = "memory", "tuning"
WAYS = (MEMORY, TUNING)
"""`memory`: the network stays as it is, and learns which errors to expect of itself. `tuning`: all
of its weights are trained on."""
SHAPE = {
    "by": str,
    "pool": str,
    "source": str,
    "faces": COUNT,
    "whole": bool,
    "references": COUNT,
    "reference_list": Maybe(str),
    "seconds": NUMBER,
    "steps": Maybe(COUNT),
    "learning_rate": Maybe(NUMBER),
    "error_taken": Maybe(NUMBER),
    "network_sha256": str,
}


@dataclass(frozen=True)
class Adaptation:
    """To which pool a network was adapted, and how."""

    by: str
    """One of `WAYS`."""
    pool: str
    """Revision of the data of the set whose train faces are the pool."""
    source: str
    """Of that set, such as `lfw`."""
    faces: int
    """Of the pool that were used."""
    whole: bool
    """Whether those were all."""
    references: int
    """References that the network was given, K. It must be given as many when it is used."""
    reference_list: str | None
    """Which; None for K = 0."""
    seconds: float
    steps: int | None = None
    """Of fine-tuning."""
    learning_rate: float | None = None
    """Of fine-tuning."""
    error_taken: float | None = None
    """Share of the squared error that the memory takes away for people of the pool who were left
    out when it was learnt."""
    network_sha256: str = ""
    """Of the file of weights that was adapted; empty for a method without."""

    @classmethod
    def of(cls, facts: Mapping[str, str], path: Path = Path("weights")) -> Adaptation | None:
        """What the metadata of the file `path` tell of an adaptation; None where nothing."""
        if KEY not in facts:
            return None
        again = "Get the file again, or adapt again."
        found = parse_json(facts[KEY], path, again)
        need_shape(found, SHAPE, path, again)
        if missing := SHAPE.keys() - found.keys():
            raise FaceRefError(f"{path} lacks {', '.join(sorted(missing))} in {KEY}. {again}")
        return cls(**{name: found[name] for name in SHAPE})

    @property
    def suffix(self) -> str:
        """What it adds to a method's name: `+memory`, or `+memory-of-300` for 300 faces."""
        steps = "" if self.steps is None else f"-{self.steps}"
        return f"+{self.by}{steps}" + ("" if self.whole else f"-of-{self.faces}")

    @property
    def title(self) -> str:
        """What it adds to a method's title."""
        part = "" if self.whole else f" of {self.faces:,} faces"
        if self.by == MEMORY:
            return f" + error memory{part}"
        return f", fine-tuned {self.steps:,} steps{part and f' on{part[3:]}'}"

    @property
    def gain(self) -> float | None:
        """In dB of PSNR, for people who were left out; None where that is not known."""
        if self.error_taken is None:
            return None
        return -10 * math.log10(max(1e-9, 1 - self.error_taken))

    @property
    def summary(self) -> str:
        """What was done and what it brought, in a line."""
        done = f"{self.faces:,} faces in {self.seconds:.0f} s"
        if self.gain is None:
            return f"{self.steps:,} steps on {done}"
        return f"{done}; people who were left out gain {self.gain:.2f} dB (PSNR, RGB)"

    def as_json(self) -> dict[str, Any]:
        """As files hold it."""
        return asdict(self)

"""The choices of a build."""

from __future__ import annotations

from dataclasses import dataclass, field

from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.quality import QualityRule
from faceref.pipeline.splits import SplitRule


@dataclass(frozen=True)
class Recipe:
    """The choices of a build, besides its source and its embedder."""

    mining: Mining = field(default_factory=Mining)
    split: SplitRule = field(default_factory=SplitRule)
    quality: QualityRule = field(default_factory=QualityRule)
    same_person: float | None = None
    """Identity cosine from which two images are tied as one person; None calibrates it."""

    def __post_init__(self) -> None:
        if self.same_person is not None and not -1 <= self.same_person <= 1:
            raise FaceRefError(f"--same-person {self.same_person:g}: a cosine, from -1 to 1.")

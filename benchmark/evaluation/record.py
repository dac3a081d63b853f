"""What an evaluation hands to its result: which method, which references, what scores."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import faceref
from benchmark.memory.adaptation import Adaptation
from benchmark.results.result import Result, image_digest, person_numbers
from benchmark.training.cost import Cost
from faceref.hardware import versions

DIGITS = 4
"""Decimals of every score."""


@dataclass(frozen=True)
class TrainingRecord:
    """What a result says of the training behind it."""

    data_revision: str
    seconds: float
    steps: int
    best_step: int
    val_psnr_y: float
    """Of the weights that val chose, dB."""
    val_curve: list[list[float]]
    """[step, PSNR-Y on val in dB] of each validation."""
    weights_sha256: str
    hardware: dict[str, Any]
    uses_references: bool
    precision: str
    """`bf16` or `fp32`."""
    learning_rate: float
    archived_from: str | None = None
    """Revision of the whole data, where the training saw a lossy archive of them."""
    method_sha256: str | None = None
    """Digest of the source of the method, see `benchmark.methods.source`."""

    @classmethod
    def of(cls, report: Mapping[str, Any], uses_references: bool) -> TrainingRecord:
        """That of a training, from its report (`training.json`)."""
        return cls(
            **{name: report[name] for name in _REPORTED},
            uses_references=uses_references,
            precision=report["precision"],
            learning_rate=report["budget"]["learning_rate"],
            archived_from=report.get("archived_from"),
            method_sha256=report.get("method_sha256"),
        )

    def as_json(self) -> dict[str, Any]:
        """As result files hold it: without what is not known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


_REPORTED = (
    "data_revision",
    "seconds",
    "steps",
    "best_step",
    "val_psnr_y",
    "val_curve",
    "weights_sha256",
    "hardware",
)


@dataclass(frozen=True)
class MethodRecord:
    """What was evaluated."""

    name: str
    title: str
    """As tables call it."""
    budget: str | None = None
    """Of its training; None where it has none or its training is not known."""
    seed: int | None = None
    training: TrainingRecord | None = None
    weights: dict[str, Any] | None = None
    """Weights from outside: file, SHA-256, architecture."""
    adaptation: Adaptation | None = None
    """To which pool it was adapted, and how; None for a network as trained."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions of what its numbers depend on besides this package's own requirements."""


@dataclass(frozen=True)
class GivenReferences:
    """Which references the method was given."""

    count: int = 0
    list_name: str | None = None
    """`refs_hr`, `refs_lr`, ..., `target` for the HR face itself; None for K = 0."""
    sha256: str | None = None
    """Digest of all of them; None for K = 0 and for the target."""


@dataclass(frozen=True)
class Scores:
    """What the outputs were found to be worth."""

    images: dict[str, list[float | None]]
    """For each metric one number an image; None where an image has none."""
    seconds: float
    """From the first face to the last score."""
    of_set: dict[str, float] = field(default_factory=dict)
    """Metrics of all images together."""
    sources: dict[str, Any] = field(default_factory=dict)
    """For each metric beside the four of every result: its protocol, weights or embedder."""

    def means(self) -> dict[str, float]:
        """Means over the images that have a number; a metric that none has is left out."""
        known = {
            name: [value for value in row if value is not None] for name, row in self.images.items()
        }
        return {name: round(float(np.mean(row)), DIGITS) for name, row in known.items() if row}


def make_result(
    *,
    task: str,
    split: str,
    data_revision: str,
    image_ids: Sequence[str],
    people: np.ndarray | None,
    method: MethodRecord,
    scores: Scores,
    references: GivenReferences = GivenReferences(),
    cost: Cost = Cost(),
) -> Result:
    """The result of an evaluation, from its parts; `people` (N,) numbers each image's person."""
    return Result(
        task=task,
        split=split,
        data_revision=data_revision,
        images=len(image_ids),
        images_sha256=image_digest(image_ids),
        image_ids=list(image_ids),
        ids_name_people=None if people is None else first_parts_are_people(image_ids, people),
        method=method.name,
        title=method.title,
        budget=method.budget,
        seed=method.seed,
        training=method.training.as_json() if method.training else None,
        weights=method.weights,
        adaptation=method.adaptation.as_json() if method.adaptation else None,
        references=references.count,
        reference_list=references.list_name,
        references_sha256=references.sha256,
        scores=scores.images,
        means=scores.means(),
        set_scores=scores.of_set,
        metric_sources=scores.sources,
        seconds=scores.seconds,
        parameters=cost.parameters,
        macs=cost.macs,
        milliseconds=cost.milliseconds,
        peak_memory_mib=cost.peak_memory_mib,
        hardware=cost.hardware,
        code=code_version(),
        versions={**versions(), **method.packages},
    )


def first_parts_are_people(image_ids: Sequence[str], people: np.ndarray) -> bool:
    """Whether the first parts of image ids tell who is who, and nothing else."""
    named = person_numbers(image_ids)
    pairs = set(zip(named.tolist(), people.tolist(), strict=True))
    return len(pairs) == len(np.unique(named)) == len(np.unique(people))


def code_version() -> str:
    """The package's version and, where it runs from its own git checkout, the commit.

    `-dirty` says that files differ from the commit. A repository that holds an installed copy of
    the package, such as that of a paper, is none of ours.
    """
    root = Path(__file__).resolve().parents[2]
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root:
            return faceref.__version__
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return faceref.__version__
    return f"{faceref.__version__}+{commit}{'-dirty' if changed else ''}"


def _git(root: Path, *words: str) -> str:
    """What git prints of the checkout at `root`."""
    command = ["git", "-C", str(root), *words]
    found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    return found.stdout.strip()

"""Results on disk: JSON that explains itself and is the source of every table and figure.

`<folder>/<task>/<method>/<run>.json`. Reading needs neither torch nor the data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmark.protocol import METRICS
from faceref.errors import FaceRefError

FORMAT = 1


@dataclass(frozen=True)
class Result:
    """One method, evaluated once."""

    task: str
    method: str
    title: str
    """The method's name in tables."""
    budget: str | None
    """Training budget; None for methods without training and for outside predictions."""
    split: str
    references: int
    """References given, K."""
    reference_list: str | None
    """`refs_hr`, `refs_lr`, or `target` for the check with the HR face itself; None for K = 0."""
    data_revision: str
    """Fingerprint of the Face_Ref."""
    images: int
    images_sha256: str
    """SHA-256 of the image ids, one a line, in the order of the scores."""
    scores: dict[str, list[float | None]]
    """For each metric one number an image, PSNR in dB; None where a face has no landmarks."""
    means: dict[str, float]
    parameters: int | None
    """Trainable numbers; None where the model is not at hand."""
    macs: int | None
    """Multiply-adds for one face with K references."""
    milliseconds: float | None
    """Median time of one face at batch size 1 in float32."""
    training: dict[str, Any] | None
    """Report of the training: its data, seconds, chosen step, val curve, weights' SHA-256."""
    seed: int | None
    code: str
    """Version of this package and, in a checkout, the commit."""
    hardware: dict[str, Any]
    versions: dict[str, str]
    format: int = FORMAT
    set_scores: dict[str, float] = field(default_factory=dict)
    """Metrics of all images together, such as `fid`."""
    metric_sources: dict[str, Any] = field(default_factory=dict)
    """For each metric beside METRICS its protocol, and the weights or embedder behind it."""

    @property
    def run(self) -> str:
        """File name without `.json`: budget, references and seed."""
        parts = [self.budget or "untrained"]
        if self.reference_list is not None or self.references:
            parts.append(f"{self.reference_list}-k{self.references}")
        elif self.uses_references:
            parts.append("k0")
        if self.seed is not None:
            parts.append(f"s{self.seed}")
        return "-".join(parts)

    @property
    def uses_references(self) -> bool:
        """Whether the method takes references, so that K = 0 is worth a name of its own."""
        return self.training is not None and bool(self.training.get("uses_references"))

    def path(self, folder: Path) -> Path:
        """Where this result lies below `folder`."""
        return folder / self.task / self.method / f"{self.run}.json"


def write(result: Result, folder: Path) -> Path:
    """Write `result` below `folder`; returns its path. An older one of that name is replaced."""
    path = result.path(folder)
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(_to_json(result), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise FaceRefError(
            f"Cannot write {path}: {error.strerror or error}. Choose another --results."
        ) from error
    return path


def _to_json(result: Result) -> str:
    """Indented, but with the scores of a metric on one line."""
    content = asdict(result)
    lines = {metric: json.dumps(values) for metric, values in content["scores"].items()}
    content["scores"] = {metric: f"@{metric}@" for metric in lines}
    text = json.dumps(content, indent=2, sort_keys=True)
    for metric, line in lines.items():
        text = text.replace(f'"@{metric}@"', line)
    return text + "\n"


def read(path: Path) -> Result:
    """Read one result; raises FaceRefError where it is damaged or of another format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise FaceRefError(f"Cannot read the result {path}: {error}. Evaluate again.") from error
    known = {known.name for known in fields(Result)}
    if not isinstance(content, dict) or content.get("format") != FORMAT or set(content) - known:
        raise FaceRefError(
            f"{path} is no result of format {FORMAT}. Evaluate again with this version."
        )
    result = Result(**content)
    lengths = {len(result.scores.get(metric, ())) for metric in METRICS}
    if lengths != {result.images}:
        raise FaceRefError(f"{path} does not hold {result.images} scores of each metric.")
    return result


def read_all(folder: Path) -> list[Result]:
    """All results below `folder`, in the order of their paths."""
    paths = sorted(folder.glob("*/*/*.json"))
    if not paths:
        raise FaceRefError(
            f"No results in {folder}. Make one: facebench evaluate FACE_REF --method bicubic "
            f"--results {folder}"
        )
    return [read(path) for path in paths]


def label(result: Result) -> str:
    """How a result is called in tables and figures, such as `MSRNet (K=5, refs_lr)`."""
    if result.reference_list is not None:
        return f"{result.title} (K={result.references}, {result.reference_list})"
    return f"{result.title} (K=0)" if result.uses_references else result.title


def boards(results: Sequence[Result]) -> dict[tuple[str, str, str, int], list[Result]]:
    """Results that may be compared, by (task, budget, data revision, images).

    Methods without training stand on every board of their task, data and images. Checks with the
    target as its own reference stand on none.
    """
    ranked = [result for result in results if result.reference_list != "target"]
    found: dict[tuple[str, str, str, int], list[Result]] = {}
    for result in ranked:
        if result.budget is not None:
            key = (result.task, result.budget, result.data_revision, result.images)
            found.setdefault(key, []).append(result)
    for result in ranked:
        if result.budget is None:
            data = (result.task, result.data_revision, result.images)
            keys = [key for key in found if (key[0], *key[2:]) == data]
            for key in keys or [(result.task, "untrained", *data[1:])]:
                found.setdefault(key, []).append(result)
    return {
        key: sorted(rows, key=lambda row: (-row.means[METRICS[0]], row.method))
        for key, rows in found.items()
    }

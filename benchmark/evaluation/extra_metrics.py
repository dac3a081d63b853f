"""Metrics beside the four of every result: what the eye sees, whose face it is, the whole set.

Asked for by name, opened before anything is super-resolved: what a metric needs and lacks is an
error at once, never a number. Imported only when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from benchmark.data.faces import Faces, cycle
from benchmark.metrics import weights
from benchmark.metrics.identity import (
    cosines,
    embed_all,
    landmark_distance,
    need_other_embedder,
    reference_usage,
)
from faceref.dataset.face_ref import FaceRef
from faceref.embed.base import Embedder
from faceref.errors import FaceRefError, unknown_choice
from faceref.hardware import open_device

DIGITS = 4
VERSION = 1
LPIPS = ("lpips_alex", "lpips_vgg", "lpips_squeeze")
LIKENESS = ("identity", "landmarks", "usage")
"""Need an embedder that did not mine; see `benchmark.metrics.identity`."""
SET = ("fid", "kid")
"""One number for all faces together."""
EXTRAS = (*LPIPS, "dists", *LIKENESS, *SET)


@dataclass(frozen=True)
class MetricInputs:
    """What extra metrics look at."""

    outputs: np.ndarray
    """uint8 RGB, (N, 128, 128, 3)."""
    faces: Faces
    count: int
    """References that the method was given, K."""
    embedder: Embedder | None

    @cached_property
    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of outputs and targets, each (N, D)."""
        assert self.embedder is not None
        return embed_all(self.embedder, self.outputs), embed_all(self.embedder, self.faces.hr)


Scorer = Callable[[MetricInputs], np.ndarray]
"""One number a face, float64 (N,); NaN where it has none."""


@dataclass(frozen=True)
class ExtraScores:
    """What extra metrics found, as result files hold it."""

    scores: dict[str, list[float | None]] = field(default_factory=dict)
    """None where a face has no number."""
    set_scores: dict[str, float] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)
    """For each metric its protocol and the SHA-256 of the weights behind it."""


@dataclass(frozen=True)
class ExtraMetrics:
    """Metrics that are ready to score; one call leaves nothing behind for the next."""

    scorers: dict[str, Scorer]
    set_names: tuple[str, ...]
    sources: dict[str, Any]
    embedder: Embedder | None
    device: torch.device

    def need_lists(self) -> None:
        """Raise FaceRefError for a metric of the references where the face itself is given."""
        if "usage" in self.scorers:
            raise FaceRefError(
                "usage says whose faces the references of a list gave; with --oracle the face "
                "itself is given. Leave one of them out."
            )

    def score(self, outputs: np.ndarray, faces: Faces, count: int) -> ExtraScores:
        """All metrics of `outputs`, uint8 RGB (N, 128, 128, 3), made with `count` references."""
        inputs = MetricInputs(outputs, faces, count, self.embedder)
        scores = {name: _listed(scorer(inputs)) for name, scorer in self.scorers.items()}
        return ExtraScores(scores, self._of_the_set(inputs), self.sources)

    def _of_the_set(self, inputs: MetricInputs) -> dict[str, float]:
        if not self.set_names:
            return {}
        from benchmark.metrics.fidelity import fid_and_kid

        found = fid_and_kid(inputs.outputs, inputs.faces.hr, self.device)
        return {name: round(found[name], DIGITS) for name in self.set_names}


def parse_names(text: str) -> list[str]:
    """Names between commas, each once; raises FaceRefError for an unknown one."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name in weights.NEVER:
            raise FaceRefError(f"Not available: {name}. {weights.NEVER[name]}.")
        if name not in EXTRAS:
            raise unknown_choice("metric", name, EXTRAS)
    return names


def open_for(
    face_ref: FaceRef,
    metrics: str,
    embedder: str = "dlib",
    pack: str | None = None,
    device: str = "cpu",
) -> ExtraMetrics:
    """Open metrics by name, with their weights, for one Face_Ref.

    Args:
        face_ref: The opened set; its manifest says which embedder chose the references.
        metrics: Names of `EXTRAS` between commas, such as `lpips_alex,identity`.
        embedder: Opened where a metric needs one; must not be the one of `face_ref`.
        pack: Model pack of the embedder `insightface`.
        device: `cpu` or `cuda`.

    Returns:
        The metrics, to be given to `evaluate`; they may score any number of evaluations.

    Raises:
        FaceRefError: For an unknown metric, missing weights or packages, or an embedder that chose
            the references.
    """
    from faceref.embed.registry import open_embedder

    names = parse_names(metrics)
    if not set(names) & set(LIKENESS):
        return open_extras(names, open_device(device))
    scorer = open_embedder(embedder, pack=pack, device=device)
    return open_extras(names, open_device(device), scorer, face_ref.manifest["embedder"])


def open_extras(
    names: Sequence[str],
    device: torch.device,
    embedder: Embedder | None = None,
    mining: dict[str, Any] | None = None,
) -> ExtraMetrics:
    """The metrics of these `names`, with their weights.

    Those of `LIKENESS` need an `embedder`; `mining` is the provenance of the one that chose the
    references. Raises FaceRefError where weights or packages are missing or the embedder mined.
    """
    scorers: dict[str, Scorer] = {}
    sources: dict[str, Any] = {}
    for name in names:
        if name in SET:
            sources[name] = _open_set()
        elif name in LIKENESS:
            scorers[name], sources[name] = _open_likeness(name, embedder, mining)
        else:
            scorers[name], sources[name] = _open_perceptual(name, device)
        sources[name] = {"protocol": f"{name}@{VERSION}", **sources[name]}
    in_set = tuple(name for name in names if name in SET)
    return ExtraMetrics(scorers, in_set, sources, embedder, device)


def _open_perceptual(name: str, device: torch.device) -> tuple[Scorer, dict[str, Any]]:
    from benchmark.metrics.perceptual import distances, lpips_distance, open_dists, open_lpips

    if name == "dists":
        network, files = open_dists()
        distance = network.to(device)
    else:
        network, files = open_lpips(name.removeprefix("lpips_"))
        distance = lpips_distance(network.to(device))
    score = partial(_pairs, partial(distances, distance, device=device))
    return score, {"weights": files}


def _pairs(
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray], inputs: MetricInputs
) -> np.ndarray:
    return distance(inputs.outputs, inputs.faces.hr)


def _open_set() -> dict[str, Any]:
    from benchmark.metrics.fidelity import inception
    from benchmark.metrics.weights import need_package

    need_package("torch_fidelity")
    inception()
    wanted = weights.weight_file("inception")
    return {"weights": {wanted.file: wanted.sha256}}


def _open_likeness(
    name: str, embedder: Embedder | None, mining: dict[str, Any] | None
) -> tuple[Scorer, dict[str, Any]]:
    if embedder is None or mining is None:
        raise FaceRefError(
            f"Not available: {name}. It needs an embedder that did not choose the references, and "
            "a Face_Ref that names the one that did: --embedder dlib, or --embedder insightface"
        )
    need_other_embedder(embedder, mining)
    ways = {"identity": _identity, "landmarks": _landmarks, "usage": _usage}
    return ways[name], {"embedder": embedder.provenance()}


def _identity(inputs: MetricInputs) -> np.ndarray:
    return cosines(*inputs.vectors)


def _landmarks(inputs: MetricInputs) -> np.ndarray:
    assert inputs.embedder is not None
    return landmark_distance(inputs.embedder, inputs.outputs, inputs.faces.hr)


def _usage(inputs: MetricInputs) -> np.ndarray:
    assert inputs.embedder is not None
    references = embed_references(inputs.embedder, inputs.faces, inputs.count)
    return reference_usage(*inputs.vectors, references)


def embed_references(embedder: Embedder, faces: Faces, count: int) -> np.ndarray:
    """Embeddings (N, K, D) of the references; each face of the pool is embedded once."""
    if count == 0:
        return np.zeros((len(faces), 0, 1))
    rows = np.array([cycle(chosen, count) for chosen in faces.references], int)
    used, places = np.unique(rows, return_inverse=True)
    return embed_all(embedder, faces.pool.images[used])[places.reshape(rows.shape)]


def _listed(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), DIGITS) for value in values]

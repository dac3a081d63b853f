"""What the manifest of a set says of its rows: counts, quantiles, certificate, fingerprint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from faceref.audit.leaks import certify
from faceref.dataset import store

MEASURES = ("detector_score", "eye_distance", "inside", "sharpness", "yaw", "pitch", "roll")
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
Row = Mapping[str, Any]


def entries_from_rows(
    rows: Sequence[Row], rejects: Sequence[Row], bound: float | None
) -> dict[str, Any]:
    """All entries of `face_ref.json` that can be computed from the rows.

    `bound` is on the scores of `refs_hr`. Raises LeakError where the rows break a rule.
    """
    counts = Counter(row["split"] for row in rows)
    return {
        "counts": {name: counts[name] for name in store.SPLITS},
        "rejects": dict(sorted(Counter(row["reason"] for row in rejects).items())),
        "similarity": {name: _similarity(rows, name) for name in store.REFERENCE_LISTS},
        "quality": {name: _quality(rows, name) for name in MEASURES},
        "leak_certificate": certify(rows, bound),
        "fingerprint": store.fingerprint(rows),
    }


def bound_on_scores(manifest: Mapping[str, Any]) -> float | None:
    """The bound of a finished set, where the scores of `refs_hr` are cosines to hold against it."""
    by_identity = manifest["mining"]["likeness"]["refs_hr"] == "identity"
    return manifest["thresholds"]["max_similarity"]["value"] if by_identity else None


def _similarity(rows: Sequence[Row], name: str) -> dict[str, float]:
    return _quantiles([reference["score"] for row in rows for reference in row[name]])


def _quality(rows: Sequence[Row], name: str) -> dict[str, float]:
    values = [row["quality"][name] for row in rows]
    return _quantiles([value for value in values if value is not None])


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {
        f"{quantile:g}": round(float(value), 4)
        for quantile, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)
    }

"""What the manifest of a set says of its rows: counts, quantiles, certificate, fingerprint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
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
        "quality": _quality(rows),
        "leak_certificate": certify(rows, bound),
        "fingerprint": store.fingerprint(rows),
    }


def bound_on_scores(manifest: Mapping[str, Any]) -> float | None:
    """The bound of a finished set, where the scores of `refs_hr` are cosines to hold against it."""
    by_identity = manifest["mining"]["likeness"]["refs_hr"] == "identity"
    return manifest["thresholds"]["max_similarity"]["value"] if by_identity else None


def _similarity(rows: Sequence[Row], name: str) -> dict[str, float]:
    scores = (reference["score"] for row in rows for reference in row[name])
    return _quantiles(np.fromiter(scores, float))


def _quality(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Quantiles of each measure; what was not measured does not count."""
    found = (row["quality"] for row in rows)
    each = ([np.nan if one[name] is None else one[name] for name in MEASURES] for one in found)
    values = np.fromiter(chain.from_iterable(each), float).reshape(-1, len(MEASURES))
    columns = zip(MEASURES, values.T, strict=True)
    return {name: _quantiles(column[~np.isnan(column)]) for name, column in columns}


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    return {
        f"{quantile:g}": round(float(value), 4)
        for quantile, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)
    }

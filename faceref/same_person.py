"""The same-person threshold: the cosine from which two images are taken for one person.

It belongs to an embedder and to a number of images: the more pairs there are, the more of them are
alike by chance, and one false link in a component chains two people together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceref.calibrate import same_person_scores

FALSE_LINKS = 1e-3
"""False links that are accepted, for each image."""
SAMPLE = 8192
"""Images whose pairs of different people are counted."""
TAIL = 1e-5
"""Share of different-person pairs from which their tail is continued; label errors are rarer."""
BINS = 2000
"""Of similarities from -1 to 1."""
FROM_LABELS = "tail of different-person pairs"
FROM_VALLEY = "valley of nearest neighbours"


@dataclass(frozen=True, eq=False)
class Histograms:
    """Counts of cosines in `BINS` equal bins from -1 to 1, int64, each (BINS,)."""

    same: np.ndarray
    """Pairs of one label."""
    different: np.ndarray
    """Pairs of different labels."""
    nearest: np.ndarray
    """Each image and its nearest other image."""


@dataclass(frozen=True)
class SamePerson:
    """A same-person threshold and where it is from."""

    value: float | None
    """Cosine from which two images are one person; None where none could be found."""
    method: str
    """`given`, one of the two methods by name, or `none: ` and why."""
    false_match_rate: float | None = None
    """Share of different-person pairs expected at or above `value`."""
    same_person_recall: float | None = None
    """Share of labelled same-person pairs at or above `value`."""
    unlike: float | None = None
    """Cosine that one different-person pair in a thousand reaches; an image below it is unlike."""
    pairs: int = 0
    """Labelled pairs of different people that were counted."""
    histograms: Histograms | None = field(default=None, compare=False, repr=False)

    def manifest(self) -> dict[str, Any]:
        """This threshold as the manifest records it."""
        return {
            "value": self.value,
            "method": self.method,
            "false_match_rate": self.false_match_rate,
            "same_person_recall": self.same_person_recall,
            "unlike": self.unlike,
            "pairs": self.pairs,
        }


def find_same_person(
    embeddings: np.ndarray,
    identities: Sequence[str | None],
    nearest: np.ndarray,
    seed: int,
    given: float | None = None,
) -> SamePerson:
    """The threshold `given`, else from labelled pairs, else from the nearest neighbours.

    `embeddings` is L2-normalised, (N, D); an identity of None or "" is unknown; `nearest` holds the
    cosine of each image and its nearest other image, (N,). Labels are used where two people have
    one: see `tail_threshold`. Without labels see `valley`; where there is no valley the value is
    None and the method says so.
    """
    histograms = measure(embeddings, identities, nearest, seed)
    pairs = int(histograms.different.sum())
    if given is not None:
        value, method = given, "given"
    elif pairs:
        value, method = tail_threshold(histograms.different, len(embeddings)), FROM_LABELS
    else:
        value = valley(histograms.nearest)
        method = FROM_VALLEY if value is not None else "none: nearest neighbours have no valley"
    rate = false_matches(histograms.different, value) if pairs and value is not None else None
    recall = _share_above(histograms.same, value)
    unlike = round(_upper_quantile(histograms.different, 1e-3), 4) if pairs else None
    return SamePerson(value, method, rate, recall, unlike, pairs, histograms)


def measure(
    embeddings: np.ndarray, identities: Sequence[str | None], nearest: np.ndarray, seed: int
) -> Histograms:
    """Distributions of same-person, different-person and nearest-neighbour similarity.

    Same-person pairs: at most 20 a person. Different-person pairs: all among `SAMPLE` images that
    are drawn with `seed`, in blocks, so that memory does not grow with N.
    """
    known = np.flatnonzero([bool(identity) for identity in identities])
    labels = [str(identities[row]) for row in known]
    same = same_person_scores(embeddings[known], labels, seed)
    return Histograms(_count(same), _different(embeddings[known], labels, seed), _count(nearest))


def tail_threshold(different: np.ndarray, images: int) -> float:
    """The cosine at which `FALSE_LINKS` false links are expected for each of `images`.

    N images have N (N - 1) / 2 pairs, so the rate of false matches may be 2 FALSE_LINKS / (N - 1).
    Rates so small cannot be read off: there, most pairs of different label are one person with two
    names. The tail of true different-person pairs is therefore continued as an exponential from
    where it is well counted (rates 10 TAIL and TAIL), as extreme-value theory has it for thin tails
    (peaks over threshold; Balkema and de Haan 1974, Pickands 1975).
    """
    upper, decay = _tail(different)
    wanted = 2 * FALSE_LINKS / max(1, images - 1)
    if wanted >= upper[1]:
        return round(_upper_quantile(different, wanted), 4)
    return round(min(0.99, upper[0] + math.log(upper[1] / wanted) / decay), 4)


def false_matches(different: np.ndarray, value: float) -> float:
    """Share of different-person pairs expected from `value` up, by the continued tail."""
    upper, decay = _tail(different)
    if value <= upper[0]:
        return _share_above(different, value) or 0.0
    return float(f"{upper[1] * math.exp(-decay * (value - upper[0])):.3g}")


def valley(nearest: np.ndarray) -> float | None:
    """The lowest point between the two modes of nearest-neighbour similarity, None for one mode.

    The lower mode is of images whose person has no other image, the upper of those whose has. The
    counts (BINS,) are smoothed by a Gaussian of half of Scott's width; a mode must rise by a tenth
    of the highest above what is around it.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    centres, total = _centres(), nearest.sum()
    mean = (nearest * centres).sum() / total
    spread = math.sqrt((nearest * (centres - mean) ** 2).sum() / total)
    width = 0.5 * spread * total ** (-1 / 5) * BINS / 2
    curve = gaussian_filter1d(nearest.astype(float), max(width, 1.0), mode="constant")
    peaks, found = find_peaks(curve, prominence=0.1 * curve.max())
    if len(peaks) < 2:
        return None
    first, second = sorted(peaks[np.argsort(-found["prominences"], kind="stable")[:2]])
    return round(float(centres[first + int(np.argmin(curve[first:second]))]), 4)


def _different(embeddings: np.ndarray, labels: Sequence[str], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(labels))[:SAMPLE])
    vectors, numbers = embeddings[rows], np.unique(labels, return_inverse=True)[1][rows]
    counts = np.zeros(BINS, np.int64)
    for start in range(0, len(rows), 512):
        block = slice(start, start + 512)
        scores = vectors[block] @ vectors.T
        later = np.arange(len(rows)) > np.arange(len(rows))[block, None]
        counts += _count(scores[later & (numbers[block, None] != numbers)])
    return counts


def _count(scores: np.ndarray) -> np.ndarray:
    places = ((np.asarray(scores, np.float64) + 1) * (BINS / 2)).astype(np.int64)
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)


def _centres() -> np.ndarray:
    return (np.arange(BINS) + 0.5) * 2 / BINS - 1


def _tail(different: np.ndarray) -> tuple[tuple[float, float], float]:
    """A point (cosine, share above) of the tail, and the rate of decay of the share up to it."""
    total = different.sum()
    high = min(0.05, max(TAIL, 20 / total))
    lower, upper = (_upper_quantile(different, share) for share in (10 * high, high))
    return (upper, high), math.log(10) / max(upper - lower, 2 / BINS)


def _upper_quantile(counts: np.ndarray, share: float) -> float:
    above = np.cumsum(counts[::-1])[::-1] / counts.sum()
    place = int(np.searchsorted(-above, -share))
    return place * 2 / BINS - 1


def _share_above(counts: np.ndarray, value: float | None) -> float | None:
    if value is None or counts.sum() == 0:
        return None
    return round(float(counts[_centres() >= value].sum() / counts.sum()), 6)

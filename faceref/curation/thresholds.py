"""The same-person threshold: the cosine from which two images are taken for one person.

It belongs to an embedder and to a number of images: the more pairs there are, the more of them are
similar by chance, and one false link in a component chains two people together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

QUANTILE = 0.25
PAIRS_PER_PERSON = 20
BLOCK = 8192
"""Pairs whose vectors are copied at a time."""
METHOD = "same-person quantile"
FROM_THRESHOLD = "same-person threshold"


@dataclass(frozen=True)
class Bound:
    """Upper bound on the similarity of a probe and a reference."""

    value: float | None
    """Cosine above which a neighbour is dropped; None where nothing is dropped."""
    method: str
    """`same-person quantile`, `same-person threshold` (of a set whose labels have no person with
    two images, but that has images without a label), `given`, or `none: no person with two images`.
    """
    quantile: float | None = None
    """Quantile of the same-person similarities that `value` is."""
    pairs: int = 0
    """Same-person pairs that were measured."""

    def manifest(self) -> dict[str, Any]:
        """This bound as the manifest records it."""
        return asdict(self)


def same_person_scores(embeddings: np.ndarray, identities: Sequence[str], seed: int) -> np.ndarray:
    """Cosines of pairs of images of one person, at most 20 pairs of each, float32 (P,).

    `embeddings` is L2-normalised, (N, D). The pairs of somebody with more are drawn with `seed`.
    """
    people: dict[str, list[int]] = defaultdict(list)
    for row, person in enumerate(identities):
        people[person].append(row)
    rng = np.random.default_rng(seed)
    chosen: list[tuple[int, int]] = []
    for rows in people.values():
        pairs = list(combinations(rows[:200], 2))
        if len(pairs) > PAIRS_PER_PERSON:
            picks = sorted(rng.choice(len(pairs), PAIRS_PER_PERSON, replace=False))
            pairs = [pairs[pick] for pick in picks]
        chosen.extend(pairs)
    scores = np.empty(len(chosen), np.float32)
    for start in range(0, len(chosen), BLOCK):
        left, right = np.array(chosen[start : start + BLOCK], np.int64).T
        scores[start : start + BLOCK] = np.einsum("nd,nd->n", embeddings[left], embeddings[right])
    return scores


def calibrate(embeddings: np.ndarray, identities: Sequence[str], seed: int) -> Bound:
    """The 25 % quantile of same-person similarities.

    Three of four unlabelled images of a person himself would lie above it, while look-alikes of
    other people lie below. Labels err, so a quantile is taken and not the minimum.
    """
    scores = same_person_scores(embeddings, identities, seed)
    if len(scores) == 0:
        return Bound(None, "none: no person with two images")
    value = round(float(np.quantile(scores, QUANTILE)), 4)
    return Bound(value, METHOD, QUANTILE, len(scores))


FALSE_LINKS = 1e-4
"""False links that are accepted, for each image. Relatives and poor images make the true tail
heavier than the normal one: 80 pairs of different label in LFW's 13,232 images reach the threshold,
most of the highest of them label errors. This number was set by looking at LFW."""
SAMPLE = 8192
"""Images whose pairs of different people are counted."""
PER_PERSON = 4
"""Images of one person in that sample at most, so that nobody dominates it."""
BINS = 2000
"""Of similarities from -1 to 1."""
WINDOW = 11
"""Bins over which a density is averaged."""
FEWEST = 20
"""Pairs in a window that are enough to estimate a density."""
FEWEST_PAIRS = 10_000
"""Pairs of different people below which the tail cannot be estimated, but only the body."""
FEWEST_FOR_BODY = 2_500
"""Pairs below which nothing can be estimated: no threshold is given then, and only copies tie
images of different labels. 71 images have so many."""
GUESSED_LINKS = (1e-3, 1e-4, 1e-5)
"""False links that are accepted, for each image, where nobody is known to have two images: the
first with which no group is `LARGEST` or more. More than with labels: a person who is not
recognised is a leak, and two people taken for one are none."""
LARGEST = 0.25
"""Share of all images from which a group is taken for many people, chained by false links."""
HIGHEST = 0.99
"""No threshold is higher."""
FROM_LABELS = "tail of different-person pairs"
FROM_FEW = "body of different-person pairs"
FROM_ALL = "body of all pairs"


@dataclass(frozen=True, eq=False)
class Histograms:
    """Counts of cosines in `BINS` equal bins from -1 to 1, int64, each (BINS,)."""

    same: np.ndarray
    """Pairs of one label."""
    different: np.ndarray
    """Pairs of different labels; all pairs where no label has two images."""
    nearest: np.ndarray
    """Each image and its nearest other image."""


@dataclass(frozen=True)
class SamePerson:
    """A same-person threshold and where it is from."""

    value: float | None
    """Cosine from which two images are one person; None where none could be found."""
    method: str
    """`given`, one of the three methods by name, or `none: ` and why."""
    false_match_rate: float | None = None
    """Share of different-person pairs expected at or above `value`."""
    same_person_recall: float | None = None
    """Share of labelled same-person pairs at or above `value`."""
    unlike: float | None = None
    """Cosine below which an image is unlike: the density of different-person pairs falls to a
    hundredth of its peak there, and about one such pair in a thousand is above."""
    pairs: int = 0
    """Pairs of different people that were counted, by their labels."""
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
    histograms: Histograms,
    images: int,
    given: float | None = None,
    links: float = GUESSED_LINKS[0],
) -> SamePerson:
    """The threshold `given`, else from the labels, else from all pairs.

    Labels tell pairs of different people: see `tail_threshold`, and `body_threshold` where there
    are few. Where no label has two images, labels say nothing of who is there twice, so all pairs
    are taken, with more false links: `links` for each image. Very few pairs give no threshold.

    `histograms` are those of `measure`, `images` the number of images.
    """
    counted, labelled = int(histograms.different.sum()), bool(histograms.same.sum())
    pairs = counted if labelled else 0
    if given is not None:
        value, method = given, "given"
    elif counted < FEWEST_FOR_BODY:
        value = None
        method = f"none: {counted:,} pairs of faces, at least {FEWEST_FOR_BODY:,} are needed"
    elif not labelled:
        value, method = body_threshold(histograms.different, images, links), FROM_ALL
    elif pairs < FEWEST_PAIRS:
        value, method = body_threshold(histograms.different, images, FALSE_LINKS), FROM_FEW
    else:
        value, method = tail_threshold(histograms.different, images), FROM_LABELS
    rate = None
    if pairs and value is not None:
        rate = Tail.fit(histograms.different).share_above(value)
    recall = _share_above(histograms.same, value)
    unlike = round(_falls_to(_smooth(histograms.different), 0.01), 4) if pairs else None
    return SamePerson(value, method, rate, recall, unlike, pairs, histograms)


def measure(
    embeddings: np.ndarray, identities: Sequence[str | None], nearest: np.ndarray, seed: int
) -> Histograms:
    """Distributions of same-person, different-person and nearest-neighbour similarity.

    Same-person pairs: at most 20 a person. Different-person pairs: all among `SAMPLE` images, at
    most `PER_PERSON` of one label, drawn with `seed`; in blocks, so memory does not grow with N.
    Where no label has two images, each image counts as of a label of its own.
    """
    known = np.flatnonzero([bool(identity) for identity in identities])
    labels = [str(identities[row]) for row in known.tolist()]
    vectors = embeddings if len(known) == len(embeddings) else embeddings[known]
    same = same_person_scores(vectors, labels, seed)
    if len(same) == 0:
        vectors, labels = embeddings, [str(row) for row in range(len(embeddings))]
    return Histograms(_count(same), _different(vectors, labels, seed), _count(nearest))


def tail_threshold(different: np.ndarray, images: int) -> float:
    """The cosine at which `FALSE_LINKS` false links are expected for each of `images`.

    N images have N (N - 1) / 2 pairs, so the rate of false matches may be 2 FALSE_LINKS / (N - 1).
    Rates so small cannot be read off the counts (BINS,): there, most pairs of different label are
    one person with two names. So the normal curve of `Tail` is continued to that rate.
    """
    from scipy.special import ndtri

    tail = Tail.fit(different)
    wanted = 2 * FALSE_LINKS / max(1, images - 1)
    return round(min(HIGHEST, tail.mean + tail.deviation * -float(ndtri(wanted))), 4)


@dataclass(frozen=True)
class Tail:
    """The upper side of different-person similarity, as that of a normal distribution.

    It is fitted through the two points where the density has fallen to a hundredth and a
    thousandth of its peak, or higher up where fewer than `FEWEST` pairs would be left. One
    person with two names hardly shows there, while counts of all pairs above are full of them: with
    5 % of labels wrong (LFW) the threshold moves by at most 0.013.
    """

    mean: float
    deviation: float

    @classmethod
    def fit(cls, different: np.ndarray) -> Tail:
        """The tail of the counts (BINS,)."""
        density = _smooth(different)
        fraction = max(1e-3, min(0.05, FEWEST / density.max()))
        return cls.through(density, 10 * fraction, fraction)

    @classmethod
    def through(cls, density: np.ndarray, first: float, second: float) -> Tail:
        """The normal curve through two fractions of the peak of a density (BINS,)."""
        early, late = _falls_to(density, first), _falls_to(density, second)
        # exp(-z^2 / 2) is the density as a fraction of its peak.
        z_early, z_late = (math.sqrt(-2 * math.log(part)) for part in (first, second))
        deviation = max(late - early, 2 / BINS) / (z_late - z_early)
        return cls(late - deviation * z_late, deviation)

    def share_above(self, value: float) -> float:
        """Share of pairs expected above the cosine `value`."""
        from scipy.special import ndtr

        return float(f"{ndtr((self.mean - value) / self.deviation):.3g}")


def body_threshold(counts: np.ndarray, images: int, links: float) -> float:
    """The cosine at which `links` false links are expected for each of `images`.

    As `tail_threshold`, but by a normal curve through the points where the density of pairs has
    fallen to half and to a tenth of its peak. There pairs of one person, which are among the counts
    (BINS,) where nobody knows who is who, do not show yet: in a thousandth of the peak they do.
    """
    from scipy.special import ndtri

    body = Tail.through(_smooth(counts), 0.5, 0.1)
    wanted = 2 * links / max(1, images - 1)
    return round(min(HIGHEST, body.mean + body.deviation * -float(ndtri(wanted))), 4)


def _different(embeddings: np.ndarray, labels: Sequence[str], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    everybody = np.unique(labels, return_inverse=True)[1]
    rows = _draw(everybody, rng)
    vectors, numbers = embeddings[rows], everybody[rows]
    counts = np.zeros(BINS, np.int64)
    for start in range(0, len(rows), 512):
        block = slice(start, start + 512)
        scores = vectors[block] @ vectors.T
        later = np.arange(len(rows)) > np.arange(len(rows))[block, None]
        counts += _count(scores[later & (numbers[block, None] != numbers)])
    return counts


def _draw(numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of `SAMPLE` images, at most `PER_PERSON` of each number."""
    order = rng.permutation(len(numbers))
    by_person = order[np.argsort(numbers[order], kind="stable")]
    sizes = np.bincount(numbers)
    place = np.arange(len(numbers)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(rng.permutation(by_person[place < PER_PERSON])[:SAMPLE])


def _count(scores: np.ndarray) -> np.ndarray:
    places = ((np.asarray(scores, np.float64) + 1) * (BINS / 2)).astype(np.int64)
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)


def _centres() -> np.ndarray:
    return (np.arange(BINS) + 0.5) * 2 / BINS - 1


def _smooth(counts: np.ndarray) -> np.ndarray:
    """Pairs in a window of `WINDOW` bins around each bin."""
    return np.convolve(counts, np.ones(WINDOW), "same")


def _falls_to(density: np.ndarray, fraction: float) -> float:
    """The first cosine after the peak at which a density is below a fraction of it."""
    peak = int(density.argmax())
    below = density[peak:] < fraction * density[peak]
    return float(_centres()[peak + int(below.argmax())])


def _share_above(counts: np.ndarray, value: float | None) -> float | None:
    if value is None or counts.sum() == 0:
        return None
    return round(float(counts[_centres() >= value].sum() / counts.sum()), 6)

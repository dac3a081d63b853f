"""Seeded generators, and the latent draws behind a population of founders and relatives.

Every generator is numpy's PCG64 seeded by SHA-256 of (seed, person, picture, purpose), so a person
or a picture never depends on how many others are made, nor on the order. Two persons in three are
founders; the third is a relative, a spherical mix of an earlier person's latent with a fresh one,
which gives the population look-alikes at known distances.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

Array = np.ndarray
KINSHIP = (0.30, 0.45, 0.60)
"""Share of the quarter turn from the parent's latent to a fresh one, by turns."""
TRAITS = (
    *("sex", "african", "asian", "caucasian", "age", "muscle", "weight"),
    *("melanin", "blood", "mottle", "freckles", "lip_strength", "lipstick"),
    *("hair_colour", "greying", "style", "parting", "recession", "volume", "length", "curl"),
    *("brow_height", "brow_thickness", "brow_arch", "brow_density", "brow_inner", "brow_outer"),
    *("brow_slope", "beard", "beard_length", "iris", "iris_light", "iris_size", "eye_bags"),
    *("glasses", "glasses_width", "glasses_shape"),
)


def generator(*key: object) -> np.random.Generator:
    """A generator seeded by the SHA-256 of `key`."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def percentile(z: float) -> float:
    """Standard normal `z` as a uniform number in (0, 1)."""
    return float(ndtr(z))


@dataclass(frozen=True)
class Latent:
    """Standard normal draws behind a person."""

    shape: Array
    """One per local target, (S,)."""
    asymmetry: Array
    """One per local target, (S,)."""
    traits: Array
    """One per name of `TRAITS`, (T,)."""

    def towards(self, other: Latent, share: float) -> Latent:
        """Spherical mix: `share` 0 is this latent, 1 is `other`; the variance stays 1."""
        c, s = np.cos(share * np.pi / 2), np.sin(share * np.pi / 2)
        return Latent(
            c * self.shape + s * other.shape,
            c * self.asymmetry + s * other.asymmetry,
            c * self.traits + s * other.traits,
        )


@lru_cache(maxsize=4096)
def draw_latent(seed: int, index: int, shapes: int) -> Latent:
    """Latent of person `index`; every third is a relative of an earlier person."""
    rng = generator(seed, index, "latent")
    fresh = Latent(*(rng.normal(size=n) for n in (shapes, shapes, len(TRAITS))))
    if index % 3 != 2:
        return fresh
    parent = draw_latent(seed, int(rng.integers(index)), shapes)
    return parent.towards(fresh, KINSHIP[(index // 3) % len(KINSHIP)])

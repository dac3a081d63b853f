"""Train, val and test with no person in two of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceref.errors import FaceRefError, UnusableError

MIN_PEOPLE = 3
"""People needed, one for each split."""


@dataclass(frozen=True)
class SplitRule:
    """How identities are assigned to splits."""

    val: float = 0.05
    """Fraction of the images that val should hold."""
    test: float = 0.10
    """Fraction of the images that test should hold."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.val > 0 and self.test > 0 and self.val + self.test < 1):
            raise FaceRefError(
                f"val {self.val:g} and test {self.test:g} must be above 0 and leave room for "
                "train: their sum must be below 1, as in --val 0.05 --test 0.1."
            )


def split_identities(identities: Sequence[str], rule: SplitRule) -> dict[str, str]:
    """The split of each person, given the identity of every image.

    People are taken in the order of SHA-256(seed, identity), so that the order does not depend on
    who else is there. Test is filled first, then val, each until it holds its share of the images;
    the rest is train. Somebody with more than a quarter of a share goes to train, so that no face
    dominates a held-out split; only where the others do not fill it, those with the fewest images
    do, as far as that brings it nearer to its share. Raises FaceRefError for fewer than three
    people.
    """
    counts = Counter(identities)
    if len(counts) < MIN_PEOPLE:
        how = "can be told apart (labels that share an image or a face count as one)"
        # The images may do: a higher threshold ties fewer people together.
        raise FaceRefError(f"{_too_few(len(counts), how)} or give a higher --same-person.")
    order = sorted(counts, key=lambda person: _rank(rule.seed, person))
    split = dict.fromkeys(order, "train")
    for name, share, to_leave in (("test", rule.test, 2), ("val", rule.val, 1)):
        wanted = share * len(identities)
        free = [person for person in order if split[person] == "train"]
        fitting = [person for person in free if counts[person] <= max(1, wanted / 4)]
        smallest = sorted(free, key=lambda person: counts[person])
        first = fitting or smallest
        larger = [person for person in smallest if person not in set(first)]
        candidates = [*first, *larger][: len(free) - to_leave]
        for person in _up_to(wanted, candidates, counts, set(larger)):
            split[person] = name
    return split


def too_few_people(people: int, how: str) -> UnusableError:
    """The error for a source of `people`; `how` says after their number what is known of them."""
    return UnusableError(f"{_too_few(people, how)}.")


def _too_few(people: int, how: str) -> str:
    return (
        f"Only {people} {'person' if people == 1 else 'people'} {how}, but train, val and test "
        f"need different people: at least {MIN_PEOPLE}. Add images of other people"
    )


def _up_to(
    wanted: float, people: Sequence[str], counts: Counter[str], larger: set[str]
) -> Iterator[str]:
    """`people` in order until they hold `wanted` images; of `larger` only who brings it nearer."""
    held = 0
    for person in people:
        over = held + counts[person] - wanted
        if held >= wanted or (person in larger and over > wanted - held):
            return
        held += counts[person]
        yield person


def _rank(seed: int, person: str) -> bytes:
    return hashlib.sha256(f"{seed}|{person}".encode()).digest()

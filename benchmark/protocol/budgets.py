"""Budgets: how much training each method of a leaderboard gets."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from faceref.errors import FaceRefError, unknown_choice

TRAINING_LIST = "both"
"""References in training are drawn from both lists, so that a network can be tested with either."""
_ON = "-on-"
_OF_FACES = re.compile(r"([a-z]+)-([1-9][0-9]{0,11})")
"""The recipe of a budget for another number of faces."""


@dataclass(frozen=True)
class Budget:
    """The training that every method of a leaderboard gets, no more and no less."""

    name: str
    samples: int
    """Training faces seen, counting repetitions."""
    batch_size: int
    learning_rate: float
    """Peak of Adam's learning rate, after warm-up; a cosine brings it to zero."""
    warmup: int
    """Steps of linear warm-up."""
    validations: int
    """Times that the val split is scored, evenly spaced, the last at the end."""
    validation_faces: int
    """Faces of val that are scored, evenly spaced."""
    max_references: int = 5
    """References in a training batch: drawn from 0 to this."""
    precision: str = "bf16"
    """`fp32`, or `bf16`: autocast, where the device computes in it (see `Running`)."""
    flip: bool = True
    """Mirror faces and references at random."""

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return -(-self.samples // self.batch_size)


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("debug", 96, 8, 1e-3, 2, 2, 6),
        Budget("demo", 960, 8, 5e-4, 20, 4, 24),
        Budget("small", 16_000, 16, 8e-4, 50, 10, 256),
        Budget("medium", 160_000, 16, 8e-4, 200, 20, 256),
        Budget("full", 1_500_000, 32, 2e-4, 500, 60, 1_000),
    )
}


def budget_on(name: str, seen: str) -> str:
    """Name of the budget of a training that drew its references from `seen`; see `split_budget`."""
    return name if seen == TRAINING_LIST else f"{name}{_ON}{seen}"


def split_budget(name: str) -> tuple[str, str]:
    """Budget, and the kind of references that training saw: empty for `TRAINING_LIST`."""
    plain, _, seen = name.partition(_ON)
    return plain, seen


def known_budget(name: str) -> Budget | None:
    """A budget by name, as `budget`; None for an unknown name."""
    found = _OF_FACES.fullmatch(name)
    plain = BUDGETS.get(found[1] if found else name)
    if found is None or plain is None or plain.samples == int(found[2]):
        return plain
    return replace(plain, name=name, samples=int(found[2]))


def budget_of(trained: str | None) -> Budget | None:
    """The budget that a training or a result names, whatever references it saw; None if unknown."""
    return known_budget(split_budget(trained or "")[0])


def budget(name: str) -> Budget:
    """A budget by name.

    Args:
        name: One of `BUDGETS`: `debug`, `demo`, `small`, `medium` or `full`; or one of them and
            another number of faces seen, such as `small-40000`.

    Returns:
        The budget; `dataclasses.replace` makes another of it.

    Raises:
        FaceRefError: For an unknown name, and for so few faces that training would end while the
            learning rate still rises.

    Example:
        >>> budget("small").steps
        1000
        >>> budget("small-40000").steps
        2500
    """
    found = known_budget(name) if isinstance(name, str) else None
    if found is None:
        raise unknown_choice("budget", name, [*BUDGETS, "small-40000 (any number of faces seen)"])
    if found.steps <= found.warmup:
        raise FaceRefError(
            f"Budget {name!r} has {found.steps} steps, and its learning rate rises for "
            f"{found.warmup}. Give more than {found.warmup * found.batch_size} faces."
        )
    return found

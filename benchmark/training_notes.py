"""What a board must say of how its rows were trained, where they were not all trained alike."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.protocol import BUDGETS
from benchmark.results import Result


def training_notes(results: Sequence[Result]) -> list[str]:
    """Sentences on the trainings behind `results` that differ from the others; empty for none."""
    trainings = {
        f"{run.title}, seed {run.seed}": run
        for row in results
        for run in row.repeats or (row,)
        if run.training is not None
    }
    return [note for note in (_precision(trainings), _rates(trainings)) if note]


def _precision(trainings: dict[str, Result]) -> str:
    plain = [name for name, run in trainings.items() if _said(run, "precision") == "fp32"]
    if not plain or len(plain) == len(trainings):
        return ""
    return f"Trained in float32, the others in bf16: {'; '.join(sorted(plain))}."


def _rates(trainings: dict[str, Result]) -> str:
    other = []
    for name, run in trainings.items():
        # A training on one kind of reference has its budget's name with `-on-` and the kind.
        usual = BUDGETS.get((run.budget or "").split("-on-")[0])
        rate = _said(run, "learning_rate")
        if rate is not None and (usual is None or rate != usual.learning_rate):
            other.append(f"{name} ({rate:g})")
    if not other:
        return ""
    return (
        "Learning rate chosen on val and not that of the budget, which the others have: "
        f"{'; '.join(sorted(other))}."
    )


def _said(run: Result, key: str) -> object:
    """What the result says of its training; None where it is of an older version, silent on it."""
    return (run.training or {}).get(key)

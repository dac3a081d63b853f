"""The learning rate of each method, from one small set for all, chosen on val."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.protocol.budgets import Budget
from benchmark.protocol.tasks import SCALE
from benchmark.training.train import Running, train
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.errors import unknown_choice
from faceref.files import write_json
from faceref.outputs.leftovers import sweep
from faceref.reading.json_file import read_json
from faceref.reading.shape import NUMBER, Each

RATES = (2e-4, 4e-4, 8e-4, 1.6e-3)
"""Peaks that are tried, the same for every method."""
SHARE = 0.1
"""Of the budget's samples, for each rate, with a warm-up and a cosine of its own."""


def tuned(
    face_ref: FaceRef,
    method: str,
    budget: Budget,
    folder: Path,
    running: Running,
    progress: Progress | None = None,
    scale: int = SCALE,
) -> float:
    """The rate of `RATES` whose short training has the highest PSNR-Y on val; ties: the lower.

    Writes `folder/<method>.json`, and trains only rates that it lacks. No image of the test split
    is opened.
    """
    found, short = _known(folder, method), _short(budget)
    sweep(folder)
    missing = [rate for rate in RATES if f"{rate:g}" not in found]
    for rate in missing:
        run = folder / f"{method}-{rate:g}"
        budget_at = at_rate(short, rate)
        how = {"scale": scale, "running": running, "progress": progress}
        report = train(face_ref, method, budget_at, run, **how)
        found[f"{rate:g}"] = report["val_psnr_y"]
    if missing:
        known = {"budget": budget.name, "samples": short.samples, "val_psnr_y": found}
        write_json(_file(folder, method), known)
    return _best(found)


def chosen(folder: Path, method: str) -> float | None:
    """The rate that `tuned` chose before; None where one of `RATES` is still to be tried."""
    found = _known(folder, method)
    return _best(found) if all(f"{rate:g}" in found for rate in RATES) else None


def _file(folder: Path, method: str) -> Path:
    return folder / f"{method}.json"


def _known(folder: Path, method: str) -> dict[str, float]:
    """PSNR-Y on val by rate, as far as rates were tried."""
    file = _file(folder, method)
    if not file.exists():
        return {}
    again = "Delete it: the same command tries the learning rates again."
    return read_json(file, again, {"val_psnr_y": Each(NUMBER)})["val_psnr_y"]


def _best(found: dict[str, float]) -> float:
    return max(RATES, key=lambda rate: (found[f"{rate:g}"], -rate))


def at_rate(budget: Budget, rate: float) -> Budget:
    """`budget` with another learning rate, one of `RATES`; raises FaceRefError for any other."""
    if rate not in RATES:
        raise unknown_choice("learning rate", f"{rate:g}", [f"{one:g}" for one in RATES])
    return replace(budget, learning_rate=rate)


def _short(budget: Budget) -> Budget:
    return replace(
        budget,
        name=f"{budget.name}-tuning",
        samples=max(budget.batch_size, round(SHARE * budget.samples)),
        warmup=max(1, round(SHARE * budget.warmup)),
        validations=1,
    )

"""The learning rate of each method, from one small set for all, chosen on val."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.protocol.budgets import Budget
from benchmark.protocol.tasks import SCALE
from benchmark.training.diverged import DivergedError
from benchmark.training.run import Data
from benchmark.training.train import Running, train
from faceref.console import Progress
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError, unknown_choice
from faceref.files import write_json
from faceref.outputs.leftovers import sweep
from faceref.reading.json_file import read_json
from faceref.reading.shape import COUNT, NUMBER, Each, Maybe

RATES = (2e-4, 4e-4, 8e-4, 1.6e-3)
"""Peaks that are tried, the same for every method."""
DIVERGED = 0.0
"""PSNR-Y in dB that stands for a training that diverged: below all others."""
SHARE = 0.1
"""Of the budget's samples, for each rate, with a warm-up and a cosine of its own."""
_SHAPE = {
    "archived_from": Maybe(str),
    "data_revision": str,
    "samples": COUNT,
    "scale": COUNT,
    "val_psnr_y": Each(NUMBER),
}


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
    is opened. Raises FaceRefError where that file is of other data, another scale or budget.
    """
    data, short = Data.of(face_ref), _short(budget)
    found = _known(folder, method, budget, data, scale)
    sweep(folder)
    missing = [rate for rate in RATES if f"{rate:g}" not in found]
    for rate in missing:
        run, budget_at = _run(folder, method, rate), at_rate(short, rate)
        how = {"scale": scale, "running": running, "progress": progress}
        try:
            report = train(face_ref, method, budget_at, run, **how)
        except DivergedError:
            found[f"{rate:g}"] = DIVERGED
            continue
        found[f"{rate:g}"] = report["val_psnr_y"]
    if missing:
        names = {"data_revision": data.revision, "archived_from": data.archived_from}
        known = {"budget": budget.name, "samples": short.samples, "scale": scale, **names}
        write_json(_file(folder, method), known | {"val_psnr_y": found})
    return _best(found)


def chosen(
    folder: Path, method: str, budget: Budget, data: Data, scale: int = SCALE
) -> float | None:
    """The rate that `tuned` chose before; None where one of `RATES` is still to be tried.

    Raises FaceRefError where it was chosen for other data, another scale or budget.
    """
    found = _known(folder, method, budget, data, scale)
    return _best(found) if all(f"{rate:g}" in found for rate in RATES) else None


def _file(folder: Path, method: str) -> Path:
    return folder / f"{method}.json"


def _run(folder: Path, method: str, rate: float) -> Path:
    return folder / f"{method}-{rate:g}"


def _known(folder: Path, method: str, budget: Budget, data: Data, scale: int) -> dict[str, float]:
    """PSNR-Y on val by rate, as far as rates were tried.

    What a file from before data and scale were kept does not say is taken to be the same.
    """
    file = _file(folder, method)
    if not file.exists():
        return {}
    again = "Delete it: the same command tries the learning rates again."
    found = read_json(file, again, _SHAPE)
    seen = found.get("data_revision", data.revision)
    same = data.are_of(seen, found.get("archived_from"))
    wanted = {"samples": _short(budget).samples, "scale": scale}
    differing = [] if same else [f"data {seen[:12]}, now {data.revision[:12]}"]
    for name, now in wanted.items():
        if (old := found.get(name, now)) != now:
            differing.append(f"{name} {old}, now {now}")
    if differing:
        runs = ", ".join(_run(folder, method, rate).name for rate in RATES)
        raise FaceRefError(
            f"{file}: learning rates were tried on {'; '.join(differing)}. Give another --out, or "
            f"delete that file and the folders beside it: {runs}."
        )
    return found["val_psnr_y"]


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

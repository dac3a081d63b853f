"""How the gains by references and by the error memory change as networks are trained for longer.

    python reports/scripts/training_length.py LFW --sample SAMPLE --wild WILD --work WORK

Trains SPARNet-s and MSRNet on LFW by the recipe of the budget `small`, but on fewer or more faces,
and scores them on test, in the training domain and in others: as trained, MSRNet also with five
references, SPARNet-s also with the error memory. Nothing is chosen on test. Runs go to `--work`,
results and `transfer.json` to `--out`, a folder a length. What is there is not made again; an
interrupted training goes on. `training_length_page.py` shows them beside the networks of the budget
itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.api.arguments import open_set
from benchmark.protocol.budgets import budget
from benchmark.results import files
from benchmark.training.train import train
from faceref.console import progress_bar, say
from faceref.dataset.face_ref import FaceRef
from reports.scripts.transfer import REFERENCES, Study

LENGTHS = (1_600, 4_000, 40_000)
"""Faces seen in training; `small` has 16,000."""
TRAINED_ON = "lfw-x8@1"
MEMORY = {TRAINED_ON: 1_000, "lfw-to-sample-x8@1": None, "lfw-to-celeba-wild-x8@1": 1_000}
"""Faces in the memory by task; None for all of train."""
SINGLE, GUIDED = "sparnet_s", "msrnet"


class OnTest(Study):
    """Rows that are scored on test alone: there is nothing to choose on val."""

    def add(
        self, row: str, weights: str | Path | None, pool: FaceRef | None = None, **found: Any
    ) -> None:
        """Score a row once, on test."""
        test = self.score(weights, "test", pool)
        path = files.write(test, self.out / "results")
        self.keep(row, {"result": str(path.relative_to(self.out)), **found})
        say(f"{self.base.task} {self.key} {row}: {test.means['psnr_y']:.3f}")


def trained(lfw: FaceRef, method: str, samples: int, work: Path) -> Path:
    """The run of a method, trained where it is not yet."""
    run = work / f"{method}-{samples}"
    with progress_bar(run.name, "steps") as update:
        train(lfw, method, budget(f"small-{samples}"), run, progress=update)
    return run


def score(run: Path, task: str, faces: FaceRef, out: Path, counts: Sequence[int]) -> None:
    """All rows of one network on one task."""
    for count in counts:
        study = OnTest(faces, task, str(run), count, out, sizes=())
        study.run(tune=False, adapt=False)
        if not study.model.method.uses_references:
            study.memory(MEMORY[task])


def main() -> None:
    """Parse, train and score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("lfw", type=Path)
    parser.add_argument("--sample", type=Path, required=True)
    parser.add_argument("--wild", type=Path, required=True, help="CelebA in the wild")
    parser.add_argument("--work", type=Path, required=True, help="runs, which are not kept")
    parser.add_argument("--out", type=Path, default=Path("reports/training_length"))
    given = parser.parse_args()
    lfw = open_set(given.lfw)
    sets = dict(zip(MEMORY, (lfw, open_set(given.sample), open_set(given.wild)), strict=True))
    for samples in LENGTHS:
        for method, counts in ((SINGLE, (0,)), (GUIDED, (0, REFERENCES))):
            run = trained(lfw, method, samples, given.work)
            for task, faces in reversed(sets.items()):
                score(run, task, faces, given.out / str(samples), counts)


if __name__ == "__main__":
    main()

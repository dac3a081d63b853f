"""Whether a finished training is the one that is wanted: of the same settings, on the same data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmark.protocol import TRAINING_LIST, Budget
from benchmark.revision import data_revision, packed_of
from benchmark.run import Run
from faceref.errors import FaceRefError
from faceref.store import FaceRef


@dataclass(frozen=True)
class Data:
    """What names the data of a set."""

    revision: str
    packed_of: str | None
    """Revision of the whole, where the set is a lossy pack."""

    @classmethod
    def of(cls, face_ref: FaceRef) -> Data:
        """Those of a set."""
        return cls(data_revision(face_ref), packed_of(face_ref))


def training_settings(method: str, budget: Budget, seed: int, seen: str) -> dict[str, Any]:
    """What a training is, its data apart; `seen`: the list that it draws its references from."""
    return {"method": method, "budget": asdict(budget), "seed": seed, "reference_list": seen}


def finished(run: Run, method: str, budget: Budget, seed: int, data: Data) -> dict[str, Any] | None:
    """The report of `run`, if the training is over.

    Raises FaceRefError, with what differs, where it is not of these settings and data. A training
    on a lossy pack is one of the whole set, too, and the other way round.
    """
    report = run.finished(training_settings(method, budget, seed, TRAINING_LIST))
    if report is None:
        return None
    same = report["data_revision"] in (data.revision, data.packed_of)
    if not (same or report.get("packed_of") == data.revision):
        raise FaceRefError(
            f"{run.root} was trained on other data, or by an older version that named them "
            "otherwise. Choose another --out, or delete that folder."
        )
    return report

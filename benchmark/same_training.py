"""Whether a finished training is the one that is wanted: of the same settings, on the same data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

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


def need_same_training(run: Run, method: str, seed: int, budget: Budget, data: Data) -> None:
    """Raise FaceRefError, with what differs, where `run` is not the training of these settings.

    A training on a lossy pack is one of the whole set, too, and the other way round.
    """
    settings = {"method": method, "seed": seed, "budget": asdict(budget)}
    run.finished(settings | {"reference_list": TRAINING_LIST})
    report = run.training()
    same = report["data_revision"] in (data.revision, data.packed_of)
    if not (same or report.get("packed_of") == data.revision):
        raise FaceRefError(
            f"{run.root} was trained on other data, or by an older version that named them "
            "otherwise. Choose another --out, or delete that folder."
        )

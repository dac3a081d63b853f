"""A training run on disk.

```
checkpoint.pt  model, optimiser and step: where training goes on
best.pt        the weights that val chose
training.json  what was trained on what, the curves, and the SHA-256 of best.pt
```
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmark.data.faces import digest_of, reference_rows
from benchmark.protocol.budgets import TRAINING_LIST, Budget
from benchmark.protocol.tasks import SCALE
from faceref.console import say_aside
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import archived_from, data_revision
from faceref.errors import FaceRefError, cannot_write
from faceref.files import file_sha256, replacing
from faceref.outputs.leftovers import sweep
from faceref.reading.boundary import reading
from faceref.reading.json_file import parse_json, read_json
from faceref.reading.shape import COUNT, NUMBER, Maybe, Number, need_shape
from faceref.reading.weights import read_checkpoint

_ANEW = "Delete it: the same command then trains from the beginning."
_AGAIN = "Delete it: the same command then ends the training again, from its checkpoint."
_CURVE = [(NUMBER, NUMBER)]
_SAVED = {
    "settings": str,
    "model": dict,
    "criterion": dict,
    "optimiser": dict,
    "state": {
        "step": COUNT,
        "best_psnr": float,
        "best_step": COUNT,
        "curve": _CURVE,
        "losses": [NUMBER],
        "precision": str,
        "recent": [NUMBER],
        "seconds": NUMBER,
        "stall": NUMBER,
        "validating": NUMBER,
    },
    "random": torch.Tensor,
}
"""What a checkpoint holds."""
REPORT_SHAPE = {
    "archived_from": Maybe(str),
    "best_step": COUNT,
    "budget": {"learning_rate": NUMBER, "name": str},
    "data_revision": str,
    "hardware": {"device": str},
    "method": str,
    "method_sha256": Maybe(str),
    "precision": str,
    "reference_list": str,
    "references_sha256": Maybe(str),
    "scale": Maybe(COUNT),
    "seconds": NUMBER,
    "seed": Number(0, 2**64, whole=True),
    "steps": COUNT,
    "val_curve": _CURVE,
    "val_psnr_y": NUMBER,
    "weights_sha256": str,
}
"""What is read of `training.json`."""
METHOD_CODE = "method_sha256"
"""In settings: digest of the method's source, see `benchmark.methods.source`. Another is said."""
REFERENCES = "references_sha256"
"""In settings: digest of the references that a method trains on, see `seen_references`."""
DIGESTS = (METHOD_CODE, REFERENCES)
"""What was there when a training began: it keeps them where it goes on."""


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    root: Path

    def __fspath__(self) -> str:
        """The folder, so that a run can be given where a path is asked for."""
        return str(self.root)

    @property
    def checkpoint(self) -> Path:
        """Where training goes on."""
        return self.root / "checkpoint.pt"

    @property
    def best(self) -> Path:
        """The weights that val chose."""
        return self.root / "best.pt"

    @property
    def report(self) -> Path:
        """What was trained, and the curves."""
        return self.root / "training.json"

    def prepare(self) -> None:
        """Make the folder, without what killed processes left; FaceRefError where it cannot."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.root, error) from error
        sweep(self.root)

    def resume(self, settings: dict[str, Any]) -> dict[str, Any] | None:
        """The checkpoint, if there is one, its settings as a dict.

        Raises FaceRefError if it is of other `settings` or references.
        """
        if not self.checkpoint.exists():
            return None
        state = self._saved()
        found = parse_json(state["settings"], self.checkpoint, _ANEW)
        need_shape(found, REPORT_SHAPE, self.checkpoint, _ANEW)
        self._need_same(found, settings)
        if other := _other_references(found, settings):
            raise FaceRefError(
                f"{self.root} was begun with {other}. Choose another --out, or delete that folder."
            )
        return {**state, "settings": found}

    def _saved(self, *, mapped: bool = False) -> dict[str, Any]:
        """The checkpoint as it lies there, with everything in it that resuming needs."""
        state = read_checkpoint(self.checkpoint, _ANEW, mapped=mapped)
        lacking = [name for name in _SAVED if name not in state]
        if lacking:
            raise FaceRefError(f"{self.checkpoint} lacks {lacking[0]!r}. {_ANEW}")
        need_shape(state, _SAVED, self.checkpoint, _ANEW)
        if "step" not in state["state"]:
            raise FaceRefError(f"{self.checkpoint} lacks its step. {_ANEW}")
        return state

    def finished(self, settings: dict[str, Any]) -> dict[str, Any] | None:
        """The report, if the training is over; raises FaceRefError if it is of other `settings`.

        Of other references it is said alone: a set that was built elsewhere has other near-ties.
        """
        if not self.report.exists():
            return None
        report = self.training()
        self._need_same(report, settings)
        if other := _other_references(report, settings):
            say_aside(
                f"{self.root} was trained with {other}. It is taken as it is. To train with the "
                "lists that are there now, choose another --out."
            )
        return report

    def _need_same(self, found: dict[str, Any], settings: dict[str, Any]) -> None:
        budget = _known_fields(found.get("budget", {}))
        found = {**found, "budget": budget, "scale": scale_of(found)}
        settings = {**settings, "scale": scale_of(settings)}
        wanted = [key for key in settings if key not in DIGESTS]
        differing = [key for key in wanted if found.get(key) != settings[key]]
        if differing:
            name, old, new = _deepest(differing[0], found, settings)
            raise FaceRefError(
                f"{self.root} holds a run with another {name}: {old!r}, now {new!r}. "
                "Choose another --out, or delete that folder."
            )
        if other := _other_digest(METHOD_CODE, found, settings):
            say_aside(
                f"{self.root} was begun with other source code of {found['method']} {other}. To "
                "train with one code from the start, choose another --out."
            )

    def steps_done(self) -> int:
        """Steps of the checkpoint; 0 without one."""
        if not self.checkpoint.exists():
            return 0
        return self._saved(mapped=True)["state"]["step"]

    def training(self) -> dict[str, Any]:
        """The report of a finished run; raises FaceRefError where there is none."""
        if not self.report.exists():
            raise FaceRefError(
                f"{self.root} holds no finished training: it has no {self.report.name}. "
                f"Train first: facebench train FACE_REF --method NAME --out {self.root}"
            )
        return read_json(self.report, _AGAIN, REPORT_SHAPE)

    def weights(self) -> dict[str, torch.Tensor]:
        """The chosen weights; raises FaceRefError where their SHA-256 is not the recorded one."""
        expected = self.training()["weights_sha256"]
        with reading(self.best, "Train again."):
            found = file_sha256(self.best)
        if found != expected:
            raise FaceRefError(
                f"{self.best} is damaged or was replaced: SHA-256 {found[:12]}..., recorded "
                f"{expected[:12]}.... Train again."
            )
        return read_checkpoint(self.best, "Train again.")


def _known_fields(budget: dict[str, Any]) -> dict[str, Any]:
    """`budget` as it was saved, without `ema`, which budgets had, where it was of no effect."""
    return {name: value for name, value in budget.items() if (name, value) != ("ema", 0.0)}


def _other_references(found: dict[str, Any], now: dict[str, Any]) -> str:
    """What to say where both are of known references that are not the same; empty elsewhere."""
    other = _other_digest(REFERENCES, found, now)
    return f"another set of references than the lists of the data give {other}" if other else ""


def _other_digest(key: str, found: dict[str, Any], now: dict[str, Any]) -> str:
    """Both digests where both are known and they differ; empty elsewhere."""
    old, new = found.get(key), now.get(key)
    return f"({old[:12]}, now {new[:12]})" if old and new and old != new else ""


def _deepest(key: str, found: dict[str, Any], now: dict[str, Any]) -> tuple[str, Any, Any]:
    """Name and both values of what differs under `key`: of a budget, the one field that does."""
    old, new = found.get(key), now[key]
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return key.replace("_", " "), old, new
    inner = next(one for one in {**new, **old} if old.get(one) != new.get(one))
    return f"{inner.replace('_', ' ')} of its {key}", old.get(inner), new.get(inner)


def save(value: Any, path: Path) -> None:
    """`torch.save` under a temporary name, then rename."""
    with replacing(path) as temporary:
        try:
            torch.save(value, temporary)
        except RuntimeError:
            # All that torch says of a full disk is "unexpected pos". Python says what is wrong.
            buffer = io.BytesIO()
            torch.save(value, buffer)
            temporary.write_bytes(buffer.getvalue())


@dataclass(frozen=True)
class Data:
    """What names the data of a set."""

    revision: str
    archived_from: str | None
    """Revision of the whole, where the set is a lossy archive of it."""

    @classmethod
    def of(cls, face_ref: FaceRef) -> Data:
        """Those of a set."""
        return cls(data_revision(face_ref), archived_from(face_ref))

    def are_of(self, revision: str, original: str | None) -> bool:
        """Whether these are data of that revision, `original` being what those are an archive of.

        A lossy archive is the whole set, too, and the other way round.
        """
        return revision in (self.revision, self.archived_from) or original == self.revision


def seen_references(face_ref: FaceRef, reference_list: str = TRAINING_LIST) -> str:
    """Digest of the references of all train faces, by which a data revision does not go.

    Thresholds, likeness and embeddings change lists, and processors differ in the last digit.
    """
    return digest_of(face_ref.pool, reference_rows(face_ref, "train", reference_list))


def training_settings(
    method: str, budget: Budget, seed: int, seen: str, scale: int = SCALE
) -> dict[str, Any]:
    """What a training is, its data apart; `seen`: the list that it draws its references from.

    The scale is named where it is not 8, see `scale_of`.
    """
    settings = {"method": method, "budget": asdict(budget), "seed": seed, "reference_list": seen}
    return settings if scale == SCALE else settings | {"scale": scale}


def scale_of(training: dict[str, Any]) -> int:
    """By how much LR faces were smaller in a training, from its report."""
    return training.get("scale", SCALE)


def finished(
    run: Run,
    method: str,
    budget: Budget,
    seed: int,
    data: Data,
    scale: int = SCALE,
    references: str | None = None,
) -> dict[str, Any] | None:
    """The report of `run`, if the training is over.

    Raises FaceRefError, with what differs, where it is not of these settings and data; other
    `references`, see `seen_references`, are said where they are given.
    """
    settings = training_settings(method, budget, seed, TRAINING_LIST, scale)
    report = run.finished(settings | ({REFERENCES: references} if references else {}))
    if report is None:
        return None
    if not data.are_of(report["data_revision"], report.get("archived_from")):
        raise FaceRefError(
            f"{run.root} was trained on other data. Choose another --out, or delete that folder."
        )
    return report

"""What the pool of a target brings a network that was trained elsewhere.

    python reports/scripts/transfer.py TARGET --task lfw-to-sample-x8@1 --weights NET

TARGET is a Face_Ref. Each network is scored on it as trained, with the error memory of 20, 100,
300, 1,000 and all train faces, and with `--tune` also fine-tuned on all of them: for as many steps
as fit into the time that the error memory took, by the time of a few steps, and for ten times as
many. Both times are wrong where the machine has other work; how long each row took is kept. The
peak of the learning rate is chosen on val, from `RATES`, for the fewer steps. Nothing is chosen on
test: each row is scored on it once. Bicubic upsampling may be given in place of weights.

Results go to `--out`/results, as of `facebench evaluate`; what val said, and the times, to
`--out`/transfer.json. What is there is not made again. `transfer_page.py` writes the page.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmark.api.arguments import open_set
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.extra_metrics import open_for
from benchmark.evaluation.setting import Setting
from benchmark.memory.fit import choose_faces
from benchmark.methods.model import Model
from benchmark.results import files
from benchmark.results.replacing import need_replaceable
from benchmark.results.result import Result
from benchmark.training.adapt import Way, adapt_to, write_adapted
from benchmark.training.export import load_model
from faceref.console import progress_bar, say
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.files import write_json
from reports.scripts.training_length_page import BASE

NAME = "transfer"
SIZES = (20, 100, 300, 1_000)
RATES = (2e-4, 4e-4, 8e-4)
TIMED_STEPS = 4
LONGER = 10
"""How many times as many steps the longer fine-tuning has."""
OF_TRAINING = "references from the training set"
REFERENCES = 5
METRICS = "lpips_alex"


def load(path: Path) -> dict[str, Any]:
    """What was found before."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


class Study:
    """The rows of one network on one target."""

    def __init__(
        self,
        faces: FaceRef,
        task: str,
        weights: str,
        count: int,
        out: Path,
        training_set: FaceRef | None = None,
        sizes: Sequence[int] = SIZES,
    ) -> None:
        self.training_set, self.sizes = training_set, sizes
        self.faces, self.weights, self.out, self.count = faces, weights, out, count
        self.model = load_model(weights)
        self.base = Setting(task, references=count)
        report = json.loads(self.model.facts.get("training", "{}"))
        seed = report.get("seed")
        name = self.model.method.name + ("" if seed is None else f"-s{seed}")
        self.key = f"{name}-k{count}" if self.model.method.uses_references else name
        self.file = out / f"{NAME}.json"
        self.need_same_network()

    def need_same_network(self) -> None:
        """Raise FaceRefError where rows of another training have the key of this one."""
        if trained := self.known().get(BASE):
            training = files.read(self.out / trained["result"]).training or {}
            ours = self.model.facts.get("weights_sha256")
            if training.get("weights_sha256") != ours:
                raise FaceRefError(
                    f"{self.key} in {self.file} is of other weights. Give another --out."
                )

    def known(self) -> dict[str, Any]:
        """What was found of this network and task."""
        return load(self.file).get(self.base.task, {}).get(self.key, {})

    def keep(self, row: str, found: dict[str, Any]) -> None:
        """Write what was found of a row."""
        whole = load(self.file)
        whole.setdefault(self.base.task, {}).setdefault(self.key, {})[row] = found
        write_json(self.file, whole)

    def score(self, weights: str | Path | None, split: str, pool: FaceRef | None = None) -> Result:
        """Score the network, or what it was adapted to, on a split."""
        extras = open_for(self.faces, METRICS, "dlib", None, "cpu")
        setting = replace(self.base, split=split, pool=pool)
        method = self.model.method
        run = weights if method.trained or weights is not None else None
        check = partial(need_replaceable, folder=self.out / "results") if split == "test" else None
        with progress_bar(f"{self.key} {split}", "faces") as update:
            how = {"run": run, "progress": update, "extras": extras, "check": check}
            return evaluate(self.faces, method.name, setting, **how)

    def add(
        self, row: str, weights: str | Path | None, pool: FaceRef | None = None, **found: Any
    ) -> None:
        """Score a row on val and, once, on test."""
        val = self.score(weights, "val", pool)
        test = self.score(weights, "test", pool)
        path = files.write(test, self.out / "results")
        self.keep(row, {"val": val.means, "result": str(path.relative_to(self.out)), **found})
        say(f"{self.key} {row}: val {val.means['psnr_y']:.3f}, test {test.means['psnr_y']:.3f}")

    def adapt(self, way: Way, rows: Any = None) -> Model:
        """Adapt the network; all train faces where `rows` is None."""
        chosen = choose_faces(self.faces, None, 0) if rows is None else rows
        with progress_bar(f"{self.key} {way.by}", "units") as update:
            found = adapt_to(self.model, self.faces, chosen, way, torch.device("cpu"), update)
        assert isinstance(found, Model)
        return found

    def run(self, tune: bool, adapt: bool = True) -> None:
        """All rows that are not there yet; without `adapt` those of the network as trained."""
        method = self.model.method
        plain = self.weights if method.trained else None
        if BASE not in self.known():
            self.add(BASE, plain)
        uses = method.uses_references and self.count > 0
        if uses and self.training_set is not None and OF_TRAINING not in self.known():
            self.add(OF_TRAINING, plain, self.training_set)
        if not adapt:
            return
        for size in (*self.sizes, None):
            self.memory(size)
        if tune and method.trained:
            self.tune()

    def memory(self, size: int | None) -> None:
        """With the error memory of `size` faces."""
        row = "memory" if size is None else f"memory of {size}"
        if row in self.known() or (size is not None and size >= self.faces.count("train")):
            return
        way = Way(references=self.count)
        found = self.adapt(way, choose_faces(self.faces, size, 0))
        self.written(row, found)

    def written(self, row: str, model: Model, **more: Any) -> None:
        """Score an adapted model as a user would: from its file."""
        found = model.adaptation
        assert found is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "adapted.safetensors"
            write_adapted(model, path)
            self.add(row, path, adaptation=found.as_json(), gain=found.gain, **more)

    def tune(self) -> None:
        """Fine-tuned for about the time of the error memory, and for ten times as many steps."""
        if not (as_long := self.tuned_as_long()):
            self.tune_as_long()
            as_long = self.tuned_as_long()
        steps, rate = LONGER * as_long["steps"], as_long["learning_rate"]
        if f"tuned, {steps} steps" not in self.known():
            way = Way("tuning", self.count, steps=steps, learning_rate=rate)
            self.written(f"tuned, {steps} steps", self.adapt(way))

    def tuned_as_long(self) -> dict[str, Any]:
        """What is known of the fine-tuning for about the time of the error memory, if anything."""
        tried = [found["adaptation"] for found in self.known().values() if "tried" in found]
        return tried[-1] if tried else {}

    def tune_as_long(self) -> None:
        """Fine-tuned for about the time of the error memory, at the best rate on val."""
        seconds = self.known()["memory"]["adaptation"]["seconds"]
        step = self.seconds_a_step()
        same = max(1, round(seconds / step))
        tried: dict[str, float] = {}
        best: Model | None = None
        for rate in RATES:
            model = self.adapt(Way("tuning", self.count, steps=same, learning_rate=rate))
            tried[f"{rate:g}"] = self.on_val(model)
            if max(tried.values()) == tried[f"{rate:g}"]:
                best = model
        assert best is not None
        self.written(f"tuned, {same} steps", best, tried=tried, seconds_a_step=round(step, 3))

    def seconds_a_step(self) -> float:
        """Of fine-tuning, without what it takes to begin."""
        times = []
        for steps in (1, 1 + TIMED_STEPS):
            start = time.perf_counter()
            self.adapt(Way("tuning", self.count, steps=steps))
            times.append(time.perf_counter() - start)
        return (times[1] - times[0]) / TIMED_STEPS

    def on_val(self, model: Model) -> float:
        """PSNR-Y of an adapted model on val, dB."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "adapted.safetensors"
            write_adapted(model, path)
            return self.score(path, "val").means["psnr_y"]


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("target", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--weights", action="append", required=True, help="or bicubic")
    parser.add_argument("--references", type=int, default=REFERENCES)
    parser.add_argument("--training-set", type=Path, help="also references from that set")
    parser.add_argument("--tune", action="store_true", help="also fine-tune, which takes long")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="of the pool")
    parser.add_argument("--as-trained", action="store_true", help="adapt nothing")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    faces, other = open_set(given.target), given.training_set and open_set(given.training_set)
    for weights in given.weights:
        study = Study(faces, given.task, weights, given.references, given.out, other, given.sizes)
        study.run(given.tune, not given.as_trained)


if __name__ == "__main__":
    main()

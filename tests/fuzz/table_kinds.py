"""The kinds of files that are damaged, and the functions that commands open them with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.fuzz.table_mutations import (
    Mutation,
    damage_bytes,
    damage_checkpoint,
    damage_json,
    damage_parquet,
    damage_safetensors,
    damage_text,
    sign_result,
    sign_weights,
)


@dataclass(frozen=True)
class Kind:
    """One kind of file."""

    name: str
    make: Callable[[Path], None]
    """Fills a folder with sound files."""
    files: str
    """Pattern of those that are damaged, one at a time."""
    ways: Sequence[Mutation]
    """The first, `damage_bytes`, is taken for a third of the cases."""
    open: Callable[[Path], None]
    """What a command does with the folder."""
    sign: Callable[[Path], None] | None = None
    """Makes hashes right again, in three of four cases: what is behind them is looked at."""

    def damage(self, folder: Path, rng: np.random.Generator) -> None:
        """Damage one file."""
        paths = sorted(folder.glob(self.files))
        path = paths[int(rng.integers(len(paths)))]
        way = damage_bytes
        if self.ways and rng.random() > 0.35:
            way = self.ways[int(rng.integers(len(self.ways)))]
        way(path, rng)
        if self.sign and rng.random() < 0.75:
            self.sign(path)


def _set(folder: Path) -> None:
    from faceref.mining.mine import Mining
    from faceref.pipeline.build import build
    from faceref.pipeline.recipe import Recipe
    from faceref.pipeline.splits import SplitRule
    from faceref.sources.folder import folder as people
    from tests.faceref.fakes import PlainEmbedder, write_people

    recipe = Recipe(Mining(references=4, same_person=True), split=SplitRule(0.2, 0.2))
    root = folder.with_name(folder.name + "-people")
    build(people(write_people(root)), PlainEmbedder(), folder / "set", recipe)


def _open_set(folder: Path) -> None:
    from benchmark.data.faces import read_split
    from faceref.dataset.face_ref import FaceRef
    from faceref.dataset.revision import data_revision
    from faceref.release.verify import verify

    faces = FaceRef.open(folder / "set")
    repr(faces)
    faces.summary()
    list(verify(folder / "set"))
    data_revision(faces)
    faces.to_pandas()
    _ = (faces.near_duplicates(), faces.label_noise(), faces.rejects(), faces.oracle())
    read_split(faces, "test", "refs_lr")
    faces.sheet(probes=2)


def _index(folder: Path) -> None:
    from faceref.release.format import INDEX
    from faceref.release.make import Wish, make_release
    from faceref.release.policy import Licence

    _set(folder.with_name(folder.name + "-set"))
    terms = Licence("other", "our-terms", "https://example.org/terms")
    wish = Wish("me/set", INDEX, terms, contact="faces@example.org")
    make_release(folder.with_name(folder.name + "-set") / "set", folder / "index-of-set", wish)


def _open_index(folder: Path) -> None:
    from faceref.release.index import Index
    from faceref.release.verify import verify

    index = Index.open(folder / "index-of-set")
    _ = (len(index.rows), len(index.rejects), index.release["files"], index.release["written_with"])
    list(verify(index.root))


def _results(folder: Path) -> None:
    from benchmark.results import files
    from tests.benchmark.made_results import made

    for result in (made("bicubic", 25, None), made("edsr", 27), made("edsr", 26.9, seed=1)):
        files.write(result, folder)


def _open_results(folder: Path) -> None:
    from benchmark.report.leaderboard import Leaderboard
    from benchmark.results.validate import validate_all

    validate_all([folder])
    board = Leaderboard.of(folder)
    _ = (
        board.to_markdown(),
        board.to_csv(),
        board.to_latex(),
        board.to_yaml(),
        board.to_dataframe(),
    )


def _sign_any(path: Path) -> None:
    sign_result(path.with_suffix(".json"))


def _run(folder: Path) -> None:
    import torch

    from benchmark.methods.registry import load_method
    from benchmark.protocol.budgets import BUDGETS
    from benchmark.training.run import Run, training_settings
    from benchmark.training.trainer import Trainer

    budget = BUDGETS["demo"]
    settings = {
        **training_settings("srcnn", budget, 0, "both"),
        "data_revision": "a" * 64,
    }
    run = Run(folder / "run")
    run.prepare()
    trainer = Trainer(load_method("srcnn"), budget, 0, torch.device("cpu"), run, settings)
    trainer.state.best_psnr, trainer.state.curve = 20.0, [[1, 20.0]]
    torch.save(trainer.model.state_dict(), run.best)
    trainer.save()
    trainer.finish()


def _open_report(folder: Path) -> None:
    from benchmark.evaluation.evaluate import budget_name, open_model, training_of
    from benchmark.evaluation.record import TrainingRecord
    from benchmark.methods.registry import load_method
    from benchmark.training.export import load_model
    from benchmark.training.run import Run, training_settings

    method, run = load_method("srcnn"), folder / "run"
    training = training_of(method, run)
    assert training is not None
    _ = (budget_name(training), training["seed"], TrainingRecord.of(training, False).as_json())
    open_model(method, run)
    load_model(run)
    from benchmark.protocol.budgets import BUDGETS

    Run(run).finished(training_settings("srcnn", BUDGETS["demo"], 0, "both"))


def _open_checkpoint(folder: Path) -> None:
    import torch

    from benchmark.methods.registry import load_method
    from benchmark.protocol.budgets import BUDGETS
    from benchmark.training.run import Run, training_settings
    from benchmark.training.trainer import Trainer

    run, budget = Run(folder / "run"), BUDGETS["demo"]
    settings = {**training_settings("srcnn", budget, 0, "both"), "data_revision": "a" * 64}
    run.steps_done()
    trainer = Trainer(load_method("srcnn"), budget, 0, torch.device("cpu"), run, settings)
    trainer.resume()
    trainer.describe()


def _sign_best(path: Path) -> None:
    from faceref.files import file_sha256

    report = path.with_name("training.json")
    if path.name == "best.pt":
        known = json.loads(report.read_text())
        report.write_text(json.dumps({**known, "weights_sha256": file_sha256(path)}))


def _exported(folder: Path) -> None:
    from benchmark.training.export import export_weights

    base = folder.with_name(folder.name + "-run")
    _run(base)
    export_weights(base / "run", folder / "srcnn.safetensors")


def _open_exported(folder: Path) -> None:
    from benchmark.evaluation.evaluate import budget_name
    from benchmark.evaluation.record import TrainingRecord
    from benchmark.training.export import load_model, training_report

    load_model(folder / "srcnn.safetensors")
    report = training_report(folder / "srcnn.safetensors")
    _ = (budget_name(report), TrainingRecord.of(report, False))


def _celeba(folder: Path) -> None:
    from tests.faceref.layouts import faces, write_celeba

    write_celeba(folder, faces(people=6))


def _open_celeba(folder: Path) -> None:
    from faceref.sources.base import Choices
    from faceref.sources.celeba import celeba

    celeba(Choices(folder, checksums=False, partial=True))


def _landmarks(folder: Path) -> None:
    from faceref.sources.lfw import COLUMNS

    rows = [f"Ada_{n}/Ada_{n}_0001.jpg,1,2,9,2,5,5,2,9,8,9" for n in range(12)]
    (folder / "points.csv").write_text("\n".join([",".join(COLUMNS), *rows]))


def _open_landmarks(folder: Path) -> None:
    from faceref.sources.lfw import read_landmarks

    read_landmarks(folder / "points.csv")


def _ffhq(folder: Path) -> None:
    from faceref.embed.align import ARCFACE
    from tests.faceref.fakes import face_image
    from tests.faceref.layouts import write_ffhq

    write_ffhq(folder, [face_image(person, 0) for person in range(6)], [ARCFACE.template] * 6)


def _open_ffhq(folder: Path) -> None:
    from faceref.sources.base import Choices
    from faceref.sources.ffhq import ffhq

    ffhq(Choices(folder, checksums=False, partial=True))


IDS = [f"ada/{number}" for number in range(12)]


def _lists(folder: Path) -> None:
    (folder / "ids.txt").write_text("\n".join(IDS) + "\n")
    rows = [
        f"{name},{place % 2},{'old' if place % 3 else 'young'}" for place, name in enumerate(IDS)
    ]
    (folder / "attributes.csv").write_text("\n".join(["image_id,smiling,age", *rows]) + "\n")


def _open_lists(folder: Path) -> None:
    from benchmark.studies.slices import slices_of_table
    from faceref.release.remove import read_ids

    read_ids(folder / "ids.txt")
    slices_of_table(folder / "attributes.csv", IDS)


def _records(folder: Path) -> None:
    from benchmark.studies.study import Cell, Study, write
    from benchmark.training.tuning import RATES

    cells = [Cell("none", 0, [20.0, 21.0], [0.5, 0.6], [1.0] * 4, {"eyes": 1.0})]
    known = ("lfw-x8@1", "edsr", "EDSR", "small", 0, "test", "a" * 64, 2, "b" * 64, "c" * 64, "0.1")
    write(Study(*known, {}, cells), folder / "study.json")
    tried = {f"{rate:g}": 20.0 for rate in RATES}
    (folder / "edsr.json").write_text(json.dumps({"budget": "small", "val_psnr_y": tried}))
    entry = {"version": "v2", "images": 1, "hashes": ["d" * 64]}
    (folder / "removals.json").write_text(json.dumps({"salt": "e" * 64, "removals": [entry]}))
    building = folder / "set.building"
    building.mkdir()
    (building / "recipe.json").write_text(json.dumps({"seed": 0, "embedder": {"name": "dlib"}}))


def _open_records(folder: Path) -> None:
    from benchmark.protocol.budgets import BUDGETS
    from benchmark.studies import study
    from benchmark.training.run import Data
    from benchmark.training.tuning import chosen
    from faceref.pipeline.checkpoints import BuildFolder
    from faceref.release.format import was_removed

    found = study.read(folder / "study.json")
    assert found.name + repr(found.kinds)
    chosen(folder, "edsr", BUDGETS["small"], Data("a" * 64, None))
    was_removed(folder / "removals.json")
    BuildFolder.enter(folder / "set", {"seed": 0, "embedder": {"name": "dlib"}})


def _encoder(folder: Path) -> None:
    import torch

    from faceref.lr_encoder.model import LrEncoder, save_encoder

    torch.manual_seed(0)
    save_encoder(LrEncoder(8, width=4, depth=1), folder / "lr_encoder.safetensors")


def _open_encoder(folder: Path) -> None:
    from faceref.lr_encoder.model import embed_lr, load_encoder

    encoder = load_encoder(folder / "lr_encoder.safetensors")
    embed_lr(encoder, np.zeros((2, 16, 16, 3), np.uint8))


KINDS = (
    Kind("manifests of sets", _set, "set/face_ref.json", [damage_json], _open_set),
    Kind("shards and tables of sets", _set, "set/**/*.parquet", [damage_parquet], _open_set),
    Kind("manifests of indexes", _index, "*/face_ref.json", [damage_json], _open_index),
    Kind("Parquet of indexes", _index, "*/**/*.parquet", [damage_parquet], _open_index),
    Kind("results", _results, "*/*/*.json", [damage_json], _open_results, _sign_any),
    Kind("scores", _results, "*/*/*.parquet", [damage_parquet], _open_results, _sign_any),
    Kind("reports of trainings", _run, "run/training.json", [damage_json], _open_report),
    Kind("checkpoints", _run, "run/checkpoint.pt", [damage_checkpoint], _open_checkpoint),
    Kind("weights", _run, "run/best.pt", [damage_checkpoint], _open_report, _sign_best),
    Kind(
        "exported weights", _exported, "*.safetensors", [damage_safetensors], _open_exported,
        sign_weights,
    ),
    Kind("sums of weights", _exported, "*.sha256", [damage_text], _open_exported),
    Kind("LR encoders", _encoder, "*.safetensors", [damage_safetensors], _open_encoder),
    Kind("CelebA's lists", _celeba, "*.txt", [damage_text], _open_celeba),
    Kind("landmarks of LFW", _landmarks, "*.csv", [damage_text], _open_landmarks),
    Kind("FFHQ's json", _ffhq, "*.json", [damage_json, damage_text], _open_ffhq),
    Kind("ids and attributes", _lists, "*.*", [damage_text], _open_lists),
    Kind("studies, tuning, removals, recipes", _records, "**/*.json", [damage_json], _open_records),
)  # fmt: skip

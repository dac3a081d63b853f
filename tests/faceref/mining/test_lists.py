"""Reference lists of a whole build: every likeness, the oracle, and what is recorded of them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref.audit.leaks import audit
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import LR_ENCODER, ORACLE
from faceref.files import file_sha256
from faceref.lr_encoder.model import embed_lr, load_encoder
from faceref.mining import shards
from faceref.mining.mine import Mining
from faceref.mining.shards import Task
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.similarity.search import SearchRule
from faceref.sources.base import Source
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people

SPLIT = SplitRule(0.2, 0.2)


def _build(tmp_path: Path, mining: Mining, name: str = "out") -> FaceRef:
    people = tmp_path / "people"
    if not people.exists():
        write_people(people)
    build(folder(people), PlainEmbedder(), tmp_path / name, Recipe(mining, SPLIT))
    return FaceRef.open(tmp_path / name)


@pytest.mark.parametrize("kind", ["identity", "appearance", "both"])
def test_every_likeness_makes_a_set_that_passes_its_audit(kind: str, tmp_path: Path):
    found = _build(tmp_path, Mining(4, likeness_hr=kind))
    assert list(audit(found, PlainEmbedder())) == []
    assert found.manifest["mining"]["likeness"]["refs_hr"] == kind
    assert found.manifest["mining"]["index"]["refs_hr"] == {"kind": "exact"}


def test_guessed_groups_do_not_move_the_bound(tmp_path: Path):
    listed = folder(write_people(tmp_path / "people")).records
    half = [record.identity >= "person_06" for record in listed]
    records = tuple(
        record.having(identity=record.image_id) if unknown else record
        for record, unknown in zip(listed, half, strict=True)
    )
    recipe = Recipe(Mining(4), SPLIT, same_person=0.6)
    manifest = build(Source("folder", "", records), PlainEmbedder(), tmp_path / "out", recipe)
    bound = manifest["thresholds"]["max_similarity"]
    labelled = [
        row["identity"]
        for row in FaceRef.open(tmp_path / "out").rows("train")
        if not row["identity"].startswith("group-")
    ]
    assert manifest["people"]["unlabelled_images"] == sum(half) == 18
    assert bound["pairs"] == sum(n * (n - 1) // 2 for n in Counter(labelled).values()) > 0
    assert bound["method"] == "same-person quantile"


def test_labels_that_nobody_has_twice_leave_the_bound_to_the_threshold(tmp_path: Path):
    listed = folder(write_people(tmp_path / "people")).records
    records = tuple(
        record if record.image_id.endswith("/0") else record.having(identity=record.image_id)
        for record in listed
    )
    recipe = Recipe(Mining(4), SPLIT, same_person=0.6)
    manifest = build(Source("folder", "", records), PlainEmbedder(), tmp_path / "out", recipe)
    bound = manifest["thresholds"]["max_similarity"]
    assert (bound["value"], bound["method"], bound["pairs"]) == (0.6, "same-person threshold", 0)


def test_an_encoder_is_trained_for_the_set_and_lies_in_it(tmp_path: Path):
    first = _build(tmp_path, Mining(4, likeness_lr="identity"))
    again = _build(tmp_path, Mining(4, likeness_lr="identity"), "again")
    report = first.manifest["lr_encoder"]
    assert report["sha256"] == file_sha256(first.root / LR_ENCODER)
    assert again.manifest == first.manifest
    assert list(audit(first)) == []
    small = np.zeros((1, 16, 16, 3), np.uint8)
    assert embed_lr(load_encoder(first.root / LR_ENCODER), small).shape == (1, 48)


def test_the_oracle_is_apart_and_shows_the_probe_s_person(tmp_path: Path):
    # Shots so unlike each other that they are no copies.
    for person in range(12):
        (tmp_path / "people" / f"person_{person:02d}").mkdir(parents=True)
        own = np.random.default_rng([person]).integers(60, 196, (8, 8, 3))
        for shot in range(3):
            change = np.random.default_rng([person, shot]).integers(-60, 60, (8, 8, 3))
            coarse = Image.fromarray((own + change).astype(np.uint8))
            path = tmp_path / "people" / f"person_{person:02d}" / f"{shot}.png"
            coarse.resize((128, 128), Image.Resampling.BICUBIC).save(path)
    found = _build(tmp_path, Mining(4, same_person=True))
    listed = found.oracle()
    assert len(listed) == 36
    for image_id, others in listed.items():
        assert image_id not in others
        assert {other.split("/")[0] for other in others} <= {image_id.split("/")[0]}
    assert sum(map(len, listed.values())) > 20
    assert not (_build(tmp_path, Mining(4), "plain").root / ORACLE).exists()


def test_diversity_and_inverted_lists_pass_the_audit(tmp_path: Path):
    mining = Mining(3, diversity=2, index=SearchRule("ivf", recall=0.5, sample=20))
    found = _build(tmp_path, mining)
    assert found.manifest["mining"]["index"]["refs_hr"]["kind"] == "ivf"
    assert found.manifest["mining"]["diversity"] == 2
    assert list(audit(found)) == []


def test_a_build_that_is_killed_in_mining_goes_on_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shards, "SHARD", 10)
    mining = Mining(3, index=SearchRule("ivf", recall=0.5, sample=20))
    whole = _build(tmp_path, mining, "whole")
    finish = Task.mine

    def killed(task: Task, shard: int) -> None:
        finish(task, shard)
        if shard == 1:
            raise KeyboardInterrupt

    mined: list[Path] = []

    def noted(task: Task, shard: int) -> None:
        mined.append(task.path(shard).relative_to(task.folder.parents[1]))
        finish(task, shard)

    monkeypatch.setattr(Task, "mine", killed)
    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path, mining)
    monkeypatch.setattr(Task, "mine", noted)
    assert _build(tmp_path, mining).manifest == whole.manifest
    assert [path.parts[0] for path in mined] == ["refs_hr"] * 2 + ["refs_lr"] * 4
    assert not (tmp_path / "out.building").exists()

"""Ten leaks planted in the files of a good set: each must be found, with its pair."""

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceref.audit.leaks import audit
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS, decode
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def _face(person: int, shot: int) -> np.ndarray:
    """A image with detail that a perceptual hash sees; shots of a person are alike."""
    own = np.random.default_rng([person]).integers(40, 216, (32, 32, 3))
    noise = np.random.default_rng([person, shot]).integers(-40, 41, (32, 32, 3))
    coarse = Image.fromarray((own + noise).astype(np.uint8))
    return np.asarray(coarse.resize((128, 128), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of 16 people with 3 images each."""
    root = tmp_path_factory.mktemp("good")
    for person in range(16):
        (root / "people" / f"p{person:02d}").mkdir(parents=True)
        for shot in range(3):
            path = root / "people" / f"p{person:02d}" / f"{shot}.png"
            Image.fromarray(_face(person, shot)).save(path)
    recipe = Recipe(mining=Mining(references=4), split=SplitRule(0.2, 0.2), same_person=0.9)
    build(folder(root / "people"), PlainEmbedder(), root / "set", recipe)
    return root / "set"


@dataclass(frozen=True)
class Leak:
    """What is planted, and what the audit must say about it."""

    plant: Callable[[Rows], tuple[str, ...]]
    """Changes the rows; gives the ids that a line of the audit must hold."""
    says: str


def _one_person_in_two_splits(rows: Rows) -> tuple[str, ...]:
    rows["test"][0]["identity"] = rows["train"][0]["identity"]
    return rows["train"][0]["image_id"], rows["test"][0]["image_id"]


def _one_component_in_two_splits(rows: Rows) -> tuple[str, ...]:
    victim = rows["train"][0]["component"]
    for row in rows["val"]:
        if row["identity"] == rows["val"][0]["identity"]:
            row["component"] = victim
    return rows["train"][0]["image_id"], rows["val"][0]["image_id"]


def _one_file_in_two_splits(rows: Rows) -> tuple[str, ...]:
    rows["test"][1]["sha256"] = rows["train"][5]["sha256"]
    return rows["train"][5]["image_id"], rows["test"][1]["image_id"]


def _name(rows: Rows, place: int, target: Row) -> tuple[str, ...]:
    probe = rows["train"][place]
    probe["refs_lr"][1]["image_id"] = target["image_id"]
    return probe["image_id"], target["image_id"]


def _probe_as_reference(rows: Rows) -> tuple[str, ...]:
    return _name(rows, 2, rows["train"][2])


def _same_person_as_reference(rows: Rows) -> tuple[str, ...]:
    return _name(rows, 0, rows["train"][1])


def _test_face_as_reference(rows: Rows) -> tuple[str, ...]:
    return _name(rows, 0, rows["test"][2])


def _reference_twice(rows: Rows) -> tuple[str, ...]:
    listed = rows["val"][0]["refs_hr"]
    listed[1]["image_id"] = listed[0]["image_id"]
    return rows["val"][0]["image_id"], listed[0]["image_id"]


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG")
    return buffer.getvalue()


def _re_encoded_copy_across_splits(rows: Rows) -> tuple[str, ...]:
    buffer = io.BytesIO()
    Image.fromarray(decode(rows["train"][4]["image"]["bytes"])).save(buffer, "JPEG", quality=60)
    rows["test"][0]["image"]["bytes"] = _png(decode(buffer.getvalue()))
    return rows["train"][4]["image_id"], rows["test"][0]["image_id"]


def _mirrored_probe_as_reference(rows: Rows) -> tuple[str, ...]:
    probe = rows["train"][0]
    target = probe["refs_hr"][0]["image_id"]
    for row in rows["train"]:
        if row["image_id"] == target:
            row["image"]["bytes"] = _png(decode(probe["image"]["bytes"])[:, ::-1])
    return probe["image_id"], target


def _false_score(rows: Rows) -> tuple[str, ...]:
    item = rows["test"][1]["refs_lr"][3]
    item["score"] -= 0.05
    return rows["test"][1]["image_id"], item["image_id"]


LEAKS = {
    "one person in two splits": Leak(_one_person_in_two_splits, "share the person"),
    "one component in two splits": Leak(_one_component_in_two_splits, "share the component"),
    "one file in two splits": Leak(_one_file_in_two_splits, "share the source file"),
    "the probe as reference": Leak(_probe_as_reference, "the probe itself"),
    "the same person as reference": Leak(_same_person_as_reference, "the same person"),
    "a test face as reference": Leak(_test_face_as_reference, "in test"),
    "a reference twice": Leak(_reference_twice, "given twice"),
    "a re-encoded copy across splits": Leak(_re_encoded_copy_across_splits, "near-duplicates"),
    "the mirrored probe as reference": Leak(_mirrored_probe_as_reference, "a near-duplicate of it"),
    "a false score": Leak(_false_score, "its images give"),
}


def _plant(good: Path, copy: Path, leak: Leak) -> tuple[str, ...]:
    shutil.copytree(good, copy)
    shards = {split: FaceRef.open(copy).shards(split)[0] for split in SPLITS}
    tables = {split: pq.read_table(path) for split, path in shards.items()}
    rows = {split: table.to_pylist() for split, table in tables.items()}
    pair = leak.plant(rows)
    for split, path in shards.items():
        pq.write_table(pa.Table.from_pylist(rows[split], schema=tables[split].schema), path)
    return pair


def test_the_good_set_is_clean_with_and_without_its_embedder(good: Path):
    assert list(audit(FaceRef.open(good))) == []
    assert list(audit(FaceRef.open(good), PlainEmbedder())) == []


@pytest.mark.parametrize("name", LEAKS)
def test_each_planted_leak_is_named_with_its_pair(good: Path, tmp_path: Path, name: str):
    pair = _plant(good, tmp_path / "copy", LEAKS[name])
    found = list(audit(FaceRef.open(tmp_path / "copy")))
    lines = [line for line in found if LEAKS[name].says in line]
    assert any(all(image_id in line for image_id in pair) for line in lines), found


def test_a_false_identity_score_needs_the_embedder(good: Path, tmp_path: Path):
    def plant(rows: Rows) -> tuple[str, ...]:
        item = rows["test"][0]["refs_hr"][3]
        item["score"] -= 0.05
        return rows["test"][0]["image_id"], item["image_id"]

    probe, reference = _plant(good, tmp_path / "copy", Leak(plant, ""))
    wanted = f"refs_hr of {probe}: the score of {reference}"
    opened = FaceRef.open(tmp_path / "copy")
    assert not any(wanted in line for line in audit(opened))
    assert any(wanted in line for line in audit(opened, PlainEmbedder()))


def test_a_stranger_that_is_probably_the_same_person_needs_the_embedder(good: Path, tmp_path: Path):
    def plant(rows: Rows) -> tuple[str, ...]:
        smooth = Image.fromarray(decode(rows["train"][0]["image"]["bytes"])).resize((8, 8))
        again = smooth.resize((128, 128), Image.Resampling.NEAREST)
        rows["test"][0]["image"]["bytes"] = _png(np.asarray(again))
        return rows["train"][0]["image_id"], rows["test"][0]["image_id"]

    pair = _plant(good, tmp_path / "copy", Leak(plant, ""))
    found = list(audit(FaceRef.open(tmp_path / "copy"), PlainEmbedder()))
    lines = [line for line in found if "probably one person" in line]
    assert any(all(image_id in line for image_id in pair) for line in lines), found


def test_another_embedder_is_refused(good: Path):
    class Other(PlainEmbedder):
        def provenance(self) -> dict:
            return {"name": "other"}

    with pytest.raises(FaceRefError, match="'plain'"):
        list(audit(FaceRef.open(good), Other()))

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from faceref.curation import identities
from faceref.curation.identities import find_people
from faceref.curation.thresholds import find_same_person, measure
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS
from faceref.embed.base import normalise
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.record import Record
from faceref.sources.base import Source
from faceref.sources.folder import folder
from tests.faceref.curation.test_links import people
from tests.faceref.fakes import PlainEmbedder, write_people

RECIPE = Recipe(mining=Mining(references=4), split=SplitRule(0.2, 0.2))


def _noise_hashes(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64), dtype=np.uint8)


def test_unlabelled_images_get_groups_and_labelled_ones_keep_their_label():
    vectors = people(4, 3)
    labels = ["a", "a", "a", *[None] * 6, "", "d", "d"]
    found = find_people(labels, [""] * 12, _noise_hashes(12), vectors, same_person=0.7)
    groups = ["group-00000"] * 3 + ["group-00001"] * 3 + ["group-00002"]
    assert found.identities == ["a", "a", "a", *groups, "d", "d"]
    assert found.components == ["a", "a", "a", *groups[:6], "d", "d", "d"]
    assert found.manifest()["unlabelled_images"] == 7


def test_copies_tie_people_whatever_their_embeddings():
    labels = [f"p{row // 2}" for row in range(20)]
    digests = [str(row) for row in range(20)]
    digests[19] = digests[0]
    found = find_people(labels, digests, _noise_hashes(20), people(10, 2), same_person=0.9)
    assert found.components[18:] == ["p0", "p0"]
    assert found.first.tolist() == [*range(19), 0]
    assert found.manifest()["near_duplicate_pairs"] == {"bytes": 1}


def test_unlabelled_images_without_a_threshold_are_warned_of():
    found = find_people([None] * 40, [""] * 40, _noise_hashes(40), people(40, 1))
    assert len(set(found.components)) == 40
    assert "No same-person threshold was found" in found.manifest()["notes"][0]


def test_people_without_labels_are_said_to_be_guessed():
    found = find_people([None] * 480, [""] * 480, _noise_hashes(480), people(40, 12, 0.06))
    assert len(set(found.components)) == 40
    (note,) = found.manifest()["notes"]
    assert note.startswith("Who is who was guessed from the embeddings, at a cosine of 0.")


def _cone(width: float) -> np.ndarray:
    """Vectors in a narrow cone, as of an embedder that tells nobody apart, but for a few pairs."""
    return normalise(np.random.default_rng(3).standard_t(2, size=(300, 8)) * width + 3)


def test_groups_that_chain_everybody_together_raise_the_threshold(monkeypatch: pytest.MonkeyPatch):
    measured = []
    monkeypatch.setattr(
        identities, "measure", lambda *given: measured.append(measure(*given)) or measured[-1]
    )
    found = find_people([None] * 300, [""] * 300, _noise_hashes(300), _cone(1))
    largest = max(Counter(found.components).values())
    first = find_same_person(measured[0], 300)
    assert first.value is not None
    assert found.same_person.value is not None
    assert found.same_person.value > first.value or largest < 75
    assert len(measured) == 1


def test_a_group_of_many_that_no_threshold_divides_is_said():
    found = find_people([None] * 300, [""] * 300, _noise_hashes(300), _cone(0.5))
    share = max(Counter(found.components).values()) / 300
    assert share > 0.25
    first, second = found.manifest()["notes"]
    assert first.startswith(f"The largest group holds {share:.0%} of all images.")
    assert "--same-person" in first
    assert "lower --same-person" not in second


def _rows(root: Path) -> dict[str, dict]:
    opened = FaceRef.open(root)
    return {row["image_id"]: row for split in SPLITS for row in opened.rows(split)}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """People of whom each has a copy of the next one's first image."""
    root = write_people(tmp_path / "people")
    shutil.copy(root / "person_01" / "0.png", root / "person_00" / "same.png")
    with Image.open(root / "person_03" / "0.png") as image:
        ImageOps.mirror(image).save(root / "person_02" / "mirrored.png")
    return root


def test_a_build_ties_copies_and_gives_one_of_them_as_reference(copied: Path, tmp_path: Path):
    manifest = build(folder(copied), PlainEmbedder(), tmp_path / "out", RECIPE)
    rows = _rows(tmp_path / "out")
    pairs = {
        frozenset((row["image_id"], row["duplicate_of"]))
        for row in FaceRef.open(tmp_path / "out").near_duplicates()
    }
    assert {"person_00/same", "person_01/0"} in pairs
    assert {"person_02/mirrored", "person_03/0"} in pairs
    for left, right in pairs:
        assert rows[left]["component"] == rows[right]["component"]
    for row in rows.values():
        for name in ("refs_hr", "refs_lr"):
            ids = [item["image_id"] for item in row[name]]
            assert not any(pair <= {*ids, row["image_id"]} for pair in pairs)
            assert all(rows[ref]["component"] != row["component"] for ref in ids)
    assert manifest["people"]["near_duplicate_pairs"]["bytes"] == 1


def test_a_source_without_labels_is_built(tmp_path: Path):
    listed = folder(write_people(tmp_path / "people", people=20)).records
    records = tuple(
        Record(record.image_id, record.source, None, path=record.path)  # pyright: ignore
        for record in listed
    )
    recipe = Recipe(mining=Mining(references=4), split=SplitRule(0.2, 0.2), same_person=0.6)
    manifest = build(Source("folder", "", records), PlainEmbedder(), tmp_path / "out", recipe)
    rows = _rows(tmp_path / "out")
    for row in rows.values():
        assert row["identity"] == rows[row["image_id"].split("/")[0] + "/0"]["identity"]
        assert row["identity"].startswith("group-")
    assert manifest["people"]["identities"] == 20
    assert manifest["thresholds"]["max_similarity"]["value"] == 0.6

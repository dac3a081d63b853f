import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from faceref.audit.leaks import audit
from faceref.cli.app import app
from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import SPLITS
from faceref.errors import FaceRefError
from faceref.release.format import REMOVALS, salted, was_removed
from faceref.release.remove import read_ids, remove
from faceref.release.verify import verify
from tests.faceref.fakes import PlainEmbedder

K = 4


@pytest.fixture
def built(tiny_build: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_build, tmp_path / "set"))


def _rows(root: Path) -> list[dict]:
    return [row for split in SPLITS for row in FaceRef.open(root).rows(split)]


def _most_used(root: Path) -> str:
    """A train image that several lists name."""
    used = [item["image_id"] for row in _rows(root) for item in row["refs_hr"]]
    return max(set(used), key=used.count)


def test_an_image_leaves_every_row_list_and_table(built: Path):
    gone = _most_used(built)
    done = remove(built, [gone])
    text = b"".join(path.read_bytes() for path in built.rglob("*") if path.is_file())
    assert gone.encode() not in text
    assert (done.images, done.refilled) == (1, False)
    assert done.shortened >= 2
    assert min(len(row["refs_hr"]) for row in _rows(built)) == K - 1
    assert done.manifest["version"] == 2
    assert not list(verify(built))
    assert not list(audit(FaceRef.open(built), PlainEmbedder()))


def test_lists_are_filled_again_with_the_embedder(built: Path):
    before = {row["image_id"]: row for row in _rows(built)}
    gone = _most_used(built)
    assert remove(built, [gone], PlainEmbedder()).refilled
    for row in _rows(built):
        for name in ("refs_hr", "refs_lr"):
            old = [item["image_id"] for item in before[row["image_id"]][name]]
            new = [item["image_id"] for item in row[name]]
            assert len(new) == K
            kept = [item for item in old if item != gone]
            # A copy of what went may come in between, but what stays keeps its order.
            assert [item for item in new if item in kept] == kept
    assert not list(audit(FaceRef.open(built), PlainEmbedder()))


def test_lists_that_an_earlier_removal_left_shorter_are_filled_later(built: Path):
    gone = _most_used(built)
    short = remove(built, [gone]).shortened
    done = remove(built, [gone], PlainEmbedder())
    assert (done.images, done.shortened, done.manifest["version"]) == (0, short, 3)
    assert all(len(row[name]) == K for row in _rows(built) for name in ("refs_hr", "refs_lr"))
    assert len(json.loads((built / REMOVALS).read_text())["removals"]) == 1
    assert not list(audit(FaceRef.open(built), PlainEmbedder()))
    assert remove(built, [gone], PlainEmbedder()).manifest["version"] == 3


def test_nothing_names_a_person_who_left(celeba_build: Path, tmp_path: Path):
    """One image under two labels ties 9100 and 9101, in the component `9100`."""
    root = Path(shutil.copytree(celeba_build, tmp_path / "set"))
    before = FaceRef.open(root).manifest["people"]
    assert re.search(r"\b9100\b", json.dumps(before))
    assert {row["component"] for row in _rows(root) if row["identity"] == "9101"} == {"9100"}
    gone = {row["image_id"] for row in _rows(root) if row["identity"] == "9100"}
    people = remove(root, gone).manifest["people"]
    opened, rows = FaceRef.open(root), _rows(root)
    tables = [rows, opened.near_duplicates(), opened.label_noise(), opened.rejects()]
    assert not re.search(r"\b9100\b", json.dumps([opened.manifest, *tables]))
    assert {row["component"] for row in rows if row["identity"] == "9101"} == {"9101"}
    assert people["identities"] == people["components"] == len({row["identity"] for row in rows})
    assert people["unlabelled_images"] == 0
    for entry, table in (("near_duplicate_pairs", 1), ("label_noise", 2)):
        assert people[entry] == Counter(row["kind"] for row in tables[table])
    assert people["near_duplicate_pairs"] != before["near_duplicate_pairs"]
    assert not list(audit(opened, PlainEmbedder()))


def test_what_cannot_be_counted_again_is_left_out(built: Path):
    (built / store.DUPLICATES).unlink()
    people = remove(built, [_most_used(built)]).manifest["people"]
    assert "near_duplicate_pairs" not in people
    assert "label_noise" in people


def test_guessed_people_who_are_left_are_counted(built: Path):
    manifest = FaceRef.open(built).manifest
    people = {**manifest["people"], "unlabelled_images": 3}
    store.write_manifest(built, {**manifest, "people": people})
    rows = _rows(built)
    one = rows[0]["identity"]
    for split in SPLITS:
        table = FaceRef.open(built).table(split, store.SCHEMA.names).to_pylist()
        for row in table:
            row["identity"] = "group-00007" if row["identity"] == one else row["identity"]
        store.write_split(built, split, table, len(table))
    left = remove(built, [rows[0]["image_id"]]).manifest["people"]
    assert left["unlabelled_images"] == sum(row["identity"] == one for row in rows) - 1 > 0


def test_an_encoder_that_saw_the_images_is_said_to_stay(built: Path, tmp_path: Path):
    first, second = (row["image_id"] for row in _rows(built)[:2])
    assert not remove(built, [first]).encoder_stays
    (built / store.LR_ENCODER).write_bytes(b"weights")
    ids = tmp_path / "ids.txt"
    ids.write_text(second)
    done = CliRunner().invoke(app, ["remove", str(built), "--ids", str(ids)])
    assert "lr_encoder.safetensors was trained on the set with these images" in done.output
    assert (built / store.LR_ENCODER).read_bytes() == b"weights"


def test_removals_are_recorded_by_salted_hash_and_add_up(built: Path):
    first, second = (row["image_id"] for row in _rows(built)[:2])
    remove(built, [first])
    remove(built, [second])
    hashes, salt = was_removed(built / REMOVALS)
    assert hashes == {salted(first, salt), salted(second, salt)}
    record = json.loads((built / REMOVALS).read_text())
    assert [entry["version"] for entry in record["removals"]] == ["v2", "v3"]


def test_an_unknown_id_changes_nothing(built: Path):
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    with pytest.raises(FaceRefError, match=r"'person_01/9'.*Did you mean"):
        remove(built, ["person_01/9"])
    assert {path: path.read_bytes() for path in built.rglob("*") if path.is_file()} == before


def test_what_was_removed_before_is_passed_over(built: Path):
    gone = _most_used(built)
    remove(built, [gone])
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    again = remove(built, [gone])
    assert (again.images, again.manifest["version"]) == (0, 2)
    assert before == {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    other = next(row["image_id"] for row in _rows(built) if row["split"] == "train")
    assert remove(built, [gone, other]).images == 1


def test_another_embedder_and_an_empty_split_are_refused(built: Path):
    class Other(PlainEmbedder):
        def provenance(self) -> dict:
            return {"name": "other"}

    with pytest.raises(FaceRefError, match="made with the embedder"):
        remove(built, [_most_used(built)], Other())
    test = FaceRef.open(built).column("test", "image_id")
    with pytest.raises(FaceRefError, match="Nothing would be left in test"):
        remove(built, test)


def test_ids_are_read_a_line_each(tmp_path: Path):
    path = tmp_path / "ids.txt"
    path.write_text("a/1\n\n b/2 \n")
    assert read_ids(path) == ["a/1", "b/2"]
    path.write_text("\n")
    with pytest.raises(FaceRefError, match="names no image"):
        read_ids(path)

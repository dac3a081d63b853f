import json
import shutil
from pathlib import Path

import pytest

from faceref.audit.leaks import audit
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

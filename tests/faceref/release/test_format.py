from pathlib import Path

import pyarrow.parquet as pq

from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.release.format import INDEX_SCHEMA, index_name, open_components, seal
from faceref.release.make import Wish, make_release


def _rows(root: Path) -> list[dict]:
    return [row for split in store.SPLITS for row in FaceRef.open(root).rows(split)]


def test_whoever_has_the_labels_finds_the_components_again(celeba_build: Path, tmp_path: Path):
    release = make_release(celeba_build, tmp_path / "release", Wish("me/set"))
    paths = [release.root / index_name(split, 0, 1) for split in store.SPLITS]
    index = [row for path in paths for row in pq.read_table(path).to_pylist()]
    rows = _rows(celeba_build)
    labels = {row["image_id"]: row["identity"] for row in rows}
    found = open_components(index, labels)
    assert {row["image_id"]: found[row["identity"]] for row in rows} == {
        row["image_id"]: row["component"] for row in rows
    }
    assert any(label != component for label, component in found.items())


def test_whoever_lacks_one_label_of_the_references_opens_nothing(celeba_build: Path):
    row = _rows(celeba_build)[0]
    labels = {other["image_id"]: other["identity"] for other in _rows(celeba_build)}
    sealed = {**row, "component_seal": seal(row, labels, row["component"])}
    assert open_components([sealed], labels) == {row["identity"]: row["component"]}
    wrong = {**labels, row["refs_lr"][-1]["image_id"]: "somebody"}
    assert open_components([sealed], wrong) == {}
    del wrong[row["refs_lr"][-1]["image_id"]]
    assert open_components([sealed], wrong) == {}


def test_too_few_references_give_no_seal_that_could_be_guessed():
    row = {
        "image_id": "a",
        "refs_hr": [{"image_id": "b"}, {"image_id": "c"}],
        "refs_lr": [{"image_id": "b"}],
    }
    assert seal(row, {"a": "1", "b": "2", "c": "3"}, "1") is None


def test_an_index_of_a_free_source_has_all_columns_but_the_seal(tiny_build: Path, tmp_path: Path):
    from faceref.release.policy import Licence

    wish = Wish("me/set", licence=Licence("cc-by-4.0"))
    release = make_release(tiny_build, tmp_path / "release", wish)
    table = pq.read_table(release.root / index_name("test", 0, 1))
    assert table.column_names == [name for name in INDEX_SCHEMA.names if name != "component_seal"]
    rows = FaceRef.open(tiny_build).rows("test")
    for name in ("landmarks", "component", "quality", "refs_hr", "refs_lr", "sha256"):
        assert table[name].to_pylist() == [row[name] for row in rows]

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import faceref
from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError


@pytest.fixture
def faces(tiny_face_ref: Path) -> FaceRef:
    return FaceRef.open(tiny_face_ref)


def test_columns_and_images_come_back(faces: FaceRef):
    assert faces.count("train") == 24
    assert faces.column("val", "image_id")[:2] == ["val0/0", "val0/1"]
    assert faces.images("test").shape == (6, 128, 128, 3)


def test_a_folder_that_is_none_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(FaceRefError, match="faceref build"):
        FaceRef.open(tmp_path)


def test_another_format_is_refused(tmp_path: Path):
    store.write_manifest(tmp_path, {"format": 99})
    with pytest.raises(FaceRefError, match="format 99"):
        FaceRef.open(tmp_path)


def test_a_damaged_manifest_is_named(tmp_path: Path):
    (tmp_path / store.MANIFEST).write_text("{")
    with pytest.raises(FaceRefError, match="damaged"):
        FaceRef.open(tmp_path)


def test_an_unknown_split_is_named(faces: FaceRef):
    for ask in (faces.count, faces.split, faces.to_pandas, faces.sheet):
        with pytest.raises(FaceRefError, match="Did you mean 'train'"):
            ask("trian")


def test_an_open_set_is_opened_as_it_is(faces: FaceRef):
    assert FaceRef.open(faces) is faces


def test_it_shows_its_folder_and_counts(faces: FaceRef):
    assert repr(faces) == f"FaceRef({str(faces.root)!r}: 24 train, 6 val, 6 test)"


def test_an_image_is_that_of_its_row_in_whatever_shard_and_group(
    faces: FaceRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "ROWS_PER_SHARD", 10)
    monkeypatch.setattr(store, "ROWS_PER_GROUP", 4)
    for split in store.SPLITS:
        rows = faces.table(split, store.SCHEMA.names).to_pylist()
        store.write_split(tmp_path, split, rows, len(rows))
    store.write_manifest(tmp_path, faces.manifest)
    copy = FaceRef.open(tmp_path)
    assert len(copy.shards("train")) == 3
    for split in store.SPLITS:
        ids = copy.column(split, "image_id")
        found = np.stack([copy.image(image_id) for image_id in ids])
        assert np.array_equal(found, faces.images(split))


def test_the_encoded_faces_of_a_split_are_never_all_in_memory(
    faces: FaceRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Arrow refuses more than 2 GiB in one array; here 1 MB of noise follows each face."""
    monkeypatch.setattr(store, "ROWS_PER_SHARD", 4)
    noise, rows = np.random.default_rng(0), faces.table("train", store.SCHEMA.names).to_pylist()
    for row in rows:
        row["image"]["bytes"] += noise.bytes(1_000_000)
    store.write_split(tmp_path, "train", rows, len(rows))
    store.write_manifest(tmp_path, faces.manifest)
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        found = FaceRef.open(tmp_path).images("train")
    finally:
        pa.set_memory_pool(before)
    assert np.array_equal(found, faces.images("train"))
    assert pool.max_memory() < 0.7 * 1_000_000 * len(rows)


def test_references_are_those_of_the_row(faces: FaceRef):
    for name in store.REFERENCE_LISTS:
        for split in store.SPLITS:
            for row in faces.rows(split):
                found = faces.references(row["image_id"], name)
                assert [item.image_id for item in found] == [item["image_id"] for item in row[name]]
                assert [item.score for item in found] == pytest.approx(
                    [item["score"] for item in row[name]]
                )
    first = faces.column("test", "image_id")[0]
    assert faces.references(first) == faces.references(first, "refs_lr")


def test_an_unknown_face_or_list_is_named(faces: FaceRef):
    for ask in (faces.image, faces.references):
        with pytest.raises(FaceRefError, match=r"Did you mean 'train0/0'.*train, val, test"):
            ask("train0/00")
    with pytest.raises(FaceRefError, match="refs_hr, refs_lr"):
        faces.references("train0/0", "refs")
    with pytest.raises(FaceRefError, match="refs_hr, refs_lr"):
        faces.sheet(reference_list="refs")


def test_a_split_is_a_hugging_face_data_set_without_a_cache(
    faces: FaceRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    found = faces.split("val")
    assert found.split == "val"
    assert found.cache_files == []
    assert found["image_id"][:] == faces.column("val", "image_id")
    assert np.array_equal(np.asarray(found[3]["image"]), faces.images("val")[3])
    assert found[3]["refs_lr"][0]["image_id"] == faces.references(found[3]["image_id"])[0].image_id
    assert not list(tmp_path.iterdir())


def test_a_table_has_a_row_for_each_face(faces: FaceRef):
    table = faces.to_pandas().set_index("image_id")
    assert table["split"].value_counts().to_dict() == {"train": 24, "val": 6, "test": 6}
    row = faces.rows("test")[4]
    found = table.loc[row["image_id"]]
    assert found["sharpness"] == pytest.approx(row["quality"]["sharpness"])
    references = faces.references(row["image_id"])
    assert list(zip(found["refs_lr"], found["refs_lr_scores"], strict=True)) == references
    assert not {"image", "quality"} & set(table)
    assert len(faces.to_pandas("val")) == 6


def test_a_sheet_shows_probes_beside_their_references(faces: FaceRef):
    sheet = np.asarray(faces.sheet("test", "refs_hr", probes=2))
    first, last = (faces.column("test", "image_id")[place] for place in (0, -1))
    for probe in (first, last):
        for image_id in (probe, faces.references(probe, "refs_hr")[7].image_id):
            assert _holds(sheet, faces.image(image_id))
    assert not _holds(sheet, faces.image(faces.column("test", "image_id")[2]))


def _holds(sheet: np.ndarray, face: np.ndarray) -> bool:
    """Whether the face is somewhere on the sheet."""
    corners = np.argwhere((sheet == face[0, 0]).all(-1))
    return any(
        np.array_equal(sheet[top : top + 128, left : left + 128], face) for top, left in corners
    )


@pytest.mark.parametrize("inventory", [[1], "text", 0.5, {"passed_over": [1]}])
def test_an_inventory_of_another_shape_is_refused(
    faces: FaceRef, tmp_path: Path, inventory: object
):
    path = shutil.copytree(faces.root, tmp_path / "set") / store.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["origin"] = {**(manifest.get("origin") or {}), "inventory": inventory}
    path.write_text(json.dumps(manifest))
    with pytest.raises(FaceRefError, match="inventory"):
        FaceRef.open(path.parent).summary()


def _changed(root: Path, name: str, change: Callable[[list], pa.Array]) -> FaceRef:
    """The set in `root` with another column `name` in its shard of test faces."""
    faces = FaceRef.open(root)
    (path,) = faces.shards("test")
    table = pq.read_table(path)
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, change(table[name].to_pylist())), path)
    return FaceRef.open(root)


def test_an_image_without_its_bytes_is_refused(faces: FaceRef, tmp_path: Path):
    root = shutil.copytree(faces.root, tmp_path / "set")
    broken = _changed(root, "image", lambda rows: pa.array([{"path": ""} for _ in rows]))
    with pytest.raises(FaceRefError, match=r"column image\.bytes is missing"):
        list(broken.stream("test"))


def test_a_sheet_of_references_that_are_not_there_names_one(faces: FaceRef, tmp_path: Path):
    root = shutil.copytree(faces.root, tmp_path / "set")
    away = [{"image_id": "nobody/1", "score": 0.5}]
    broken = _changed(root, "refs_hr", lambda rows: pa.array([away for _ in rows]))
    with pytest.raises(FaceRefError, match="no face 'nobody/1'"):
        broken.sheet("test", "refs_hr", probes=1)


def test_an_unknown_column_names_those_there_are(tiny_build: Path):
    with pytest.raises(
        FaceRefError, match=r"Unknown column 'image_ids'.*Did you mean 'image_id'.*identity"
    ):
        FaceRef.open(tiny_build).column("train", "image_ids")


def test_a_set_that_was_changed_since_it_was_opened_is_opened_again(
    tiny_build: Path, tmp_path: Path
):
    root = Path(shutil.copytree(tiny_build, tmp_path / "set"))
    opened = FaceRef.open(root)
    gone = opened.column("train", "image_id")[0]
    faceref.remove(root, gone)
    with pytest.raises(FaceRefError, match=r"was changed since it was opened.*Open it again"):
        opened.image(opened.column("test", "image_id")[0])
    assert gone not in FaceRef.open(opened).column("train", "image_id")


def test_what_a_table_and_a_sheet_are_asked_for_is_checked(tiny_build: Path):
    faces = FaceRef.open(tiny_build)
    with pytest.raises(FaceRefError, match="Unknown column 'x'"):
        faces.table("test", ["x"])
    with pytest.raises(FaceRefError, match="probes=0"):
        faces.sheet(probes=0)
    with pytest.raises(FaceRefError, match="Unknown reference list None, which is no text"):
        faces.sheet(reference_list=None)  # pyright: ignore[reportArgumentType]

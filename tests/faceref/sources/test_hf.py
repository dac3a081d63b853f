import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceref.errors import FaceRefError
from faceref.sources.base import Choices
from faceref.sources.hf import Row, check, hf
from faceref.sources.sample import sample, write_sample_folder

ROWS = 24


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


def _dataset(count: int = ROWS, **columns: list) -> datasets.Dataset:
    """The first images of the sample with `columns` beside them."""
    images = [{"bytes": record.data, "path": None} for record in sample().records[:count]]
    rows = datasets.Dataset.from_dict({"image": images, **columns})
    return rows.cast_column("image", datasets.Image())


def _people(count: int = ROWS) -> list[str]:
    return [record.identity for record in sample().records[:count]]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    root.mkdir()
    _dataset(person=_people()).to_parquet(str(root / "train-00000-of-00001.parquet"))
    return root


def _bytes_of(source) -> list[bytes]:
    with ThreadPoolExecutor(4) as pool:
        return list(
            pool.map(lambda r: r.path.read_bytes() if r.path else r.blob.read(), source.records)
        )


def test_bytes_and_labels_come_through_untouched(parquet: Path):
    source = hf(Choices(parquet))
    assert [record.identity for record in source.records] == _people()
    assert source.records[7].image_id == "train/00000007"
    assert source.records[7].partition == "train"
    assert _bytes_of(source) == [record.data for record in sample().records[:ROWS]]
    kinds = {type(record.blob) for record in source.records}
    assert kinds == {Row}
    assert [r.blob.size for r in source.records if r.blob] == list(map(len, _bytes_of(source)))


def test_records_go_to_another_process(parquet: Path):
    source = hf(Choices(parquet))
    again = pickle.loads(pickle.dumps(source.records))
    assert again[3].blob.read() == sample().records[3].data


def test_a_saved_data_set_with_two_splits(tmp_path: Path):
    half = datasets.DatasetDict(
        {"train": _dataset(6, person=_people(6)), "test": _dataset(4, person=_people(4))}
    )
    half.save_to_disk(str(tmp_path / "saved"))
    source = hf(Choices(tmp_path / "saved"))
    assert [r.partition for r in source.records] == ["train"] * 6 + ["test"] * 4
    only = hf(Choices(tmp_path / "saved", split="test"))
    assert [r.image_id for r in only.records] == [f"test/{n:08d}" for n in range(4)]
    with pytest.raises(FaceRefError, match="Unknown --hf-split 'dev'"):
        hf(Choices(tmp_path / "saved", split="dev"))


def test_selected_rows_keep_their_own_images(tmp_path: Path):
    rows = _dataset(8, person=_people(8)).select([5, 2, 7])
    rows.save_to_disk(str(tmp_path / "saved"))
    kept = [sample().records[index].data for index in (5, 2, 7)]
    assert _bytes_of(hf(Choices(tmp_path / "saved"))) == kept


def test_a_folder_of_images_asks_what_its_label_means(tmp_path: Path):
    write_sample_folder(tmp_path / "faces")
    choices = Choices(tmp_path / "faces")
    with pytest.raises(FaceRefError, match="--identity-column label, or --identity-column none"):
        hf(choices)
    source = hf(Choices(tmp_path / "faces", identity_column="label"))
    assert source.labelled
    assert sorted(record.identity for record in source.records) == sorted(
        record.identity for record in sample().records
    )
    assert sorted(_bytes_of(source)) == sorted(r.data or b"" for r in sample().records)
    unlabelled = hf(Choices(tmp_path / "faces", identity_column="none"))
    assert unlabelled.labelled is False
    assert all(record.identity == record.image_id for record in unlabelled.records)


def test_an_image_without_label_is_its_own_person(tmp_path: Path):
    _dataset(3, identity=["a", None, "b"]).save_to_disk(str(tmp_path / "saved"))
    people = [record.identity for record in hf(Choices(tmp_path / "saved")).records]
    assert people == ["a", "train/00000001", "b"]


@pytest.mark.case("B10")
def test_a_missing_label_is_nobody_and_said(tmp_path: Path):
    lists = (
        [1.0, float("nan"), None, 2.0],
        ["a", "nan", None, "Nan"],
        ["a", " ", "None", "b"],
    )
    for place, labels in enumerate(lists):
        _dataset(4, identity=labels).save_to_disk(str(tmp_path / f"{place}"))
        source = hf(Choices(tmp_path / f"{place}"))
        nobody = [record.identity == record.image_id for record in source.records]
        assert nobody == [False, True, True, False]
        assert source.inventory is not None
        assert any("2 images have no identity" in note for note in source.inventory.notes)


@pytest.mark.case("F a single Parquet file")
def test_a_parquet_file_is_a_source_whoever_wrote_it(parquet: Path, tmp_path: Path):
    file = next(parquet.glob("*.parquet")).rename(tmp_path / "data.parquet")
    assert [r.identity for r in hf(Choices(file)).records] == _people()
    assert "image column image" in check(Choices(file)).text()
    images = [record.data for record in sample().records[:4]]
    for place, cells in enumerate((images, [{"bytes": data, "path": None} for data in images])):
        plain = tmp_path / f"{place}.parquet"
        pq.write_table(pa.table({"photo": cells, "person": list("abcd")}), plain)
        source = hf(Choices(plain))
        assert _bytes_of(source) == images
        assert [record.identity for record in source.records] == list("abcd")
    pq.write_table(pa.table({"person": list("abcd")}), tmp_path / "bare.parquet")
    with pytest.raises(FaceRefError, match=r"has no image column among: person"):
        hf(Choices(tmp_path / "bare.parquet"))
    plain.write_bytes(plain.read_bytes()[:-20])
    with pytest.raises(FaceRefError, match=r"Cannot open the data set .*1\.parquet"):
        hf(Choices(plain))


def test_rows_without_image_are_counted(tmp_path: Path):
    rows = datasets.Dataset.from_dict(
        {"image": [{"bytes": sample().records[0].data, "path": None}, None, None]},
        features=datasets.Features({"image": datasets.Image()}),
    )
    (tmp_path / "set").mkdir()
    rows.to_parquet(str(tmp_path / "set" / "train.parquet"))
    with pytest.raises(FaceRefError, match=r"1 of 3 images; missing: train/00000001"):
        hf(Choices(tmp_path / "set"))
    assert hf(Choices(tmp_path / "set", partial=True)).partial


def test_of_two_image_columns_one_must_be_named(tmp_path: Path):
    masks = [{"bytes": record.data, "path": None} for record in sample().records[3:6]]
    rows = _dataset(3, mask=masks).cast_column("mask", datasets.Image())
    rows.save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(FaceRefError, match=r"image, mask among.*--image-column"):
        hf(Choices(tmp_path / "saved"))
    chosen = hf(Choices(tmp_path / "saved", image_column="mask"))
    assert _bytes_of(chosen) == [record.data for record in sample().records[3:6]]
    with pytest.raises(FaceRefError, match="Unknown --image-column 'pictur'"):
        hf(Choices(tmp_path / "saved", image_column="pictur"))
    with pytest.raises(FaceRefError, match="Unknown --identity-column 'who'"):
        hf(Choices(tmp_path / "saved", image_column="mask", identity_column="who"))


def test_a_table_without_images(tmp_path: Path):
    datasets.Dataset.from_dict({"x": [1, 2]}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(FaceRefError, match="no image column among: x"):
        hf(Choices(tmp_path / "saved"))


def test_the_check_reads_no_image(parquet: Path):
    text = check(Choices(parquet)).text()
    assert "image column image" in text
    assert "identity column person" in text


def test_a_name_is_pinned_to_its_commit(parquet: Path, monkeypatch: pytest.MonkeyPatch):
    asked = {}

    def dataset_info(self, name: str, revision: str | None = None) -> SimpleNamespace:
        asked["hub"] = (name, revision)
        return SimpleNamespace(sha="c" * 40)

    original = datasets.load_dataset

    def load_dataset(name: str, config: str | None, revision: str, streaming: bool):
        asked["loaded"] = (name, config, revision, streaming)
        return original(str(parquet), streaming=streaming)

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", dataset_info)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    source = hf(Choices(Path("owner/faces"), revision="v1", config="small"))
    assert source.revision == "c" * 40
    assert source.manifest()["revision"] == "c" * 40
    assert asked == {
        "hub": ("owner/faces", "v1"),
        "loaded": ("owner/faces", "small", "c" * 40, False),
    }
    asked.clear()
    hf(Choices(Path("owner/faces"), revision="d" * 40))
    assert asked["loaded"][2] == "d" * 40
    assert "hub" not in asked


def test_a_name_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch):
    def dataset_info(self, name: str, revision: str | None = None) -> None:
        raise ConnectionError("no route\nmore")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", dataset_info)
    with pytest.raises(FaceRefError, match=r"owner/faces \(ConnectionError: no route\)"):
        hf(Choices(Path("owner/faces")))


def test_images_beside_the_table_stay_files(tmp_path: Path):
    write_sample_folder(tmp_path / "faces")
    source = hf(Choices(tmp_path / "faces", identity_column="label"))
    for record in source.records[:3]:
        assert record.path is not None
        assert os.path.samefile(record.path.parents[1], tmp_path / "faces")
        Image.open(record.path).verify()

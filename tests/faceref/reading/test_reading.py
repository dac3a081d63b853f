import json
import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.reading.boundary import reading
from faceref.reading.json_file import read_json
from faceref.reading.parquet import read_batches, read_parquet, read_rows
from faceref.reading.shape import COUNT, Each, Maybe, Number, need_shape
from faceref.reading.text import read_text
from faceref.reading.weights import read_checkpoint, read_safetensors
from faceref.release.remove import read_ids

AGAIN = "Get it again."


def refused(read, *given, **more) -> str:
    """What a reader says of a file that it refuses."""
    with pytest.raises(FaceRefError) as caught:
        read(*given, **more)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(AGAIN)
    return said


JSON = {
    "": "is empty: it has 0 bytes",
    " \n": "is empty",
    '{"a": 1,\n"b": [1, 2': "is cut off: it ends in line 2",
    '{"a": "tex': "is cut off: it ends in line 1",
    '{"a": 1}\n{': "is no JSON at line 2: Extra data",
    "{'a': 1}": "is no JSON at line 1",
    '{"a": NaN}': "holds NaN, which is no number",
    '{"a": 1e999}': "holds 1e999, which is too large a number",
    '{"a": 123456789012345678901234}': "which is too large a number",
    '{"a": 1, "a": 2}': "has the key 'a' twice",
    '{"a": "\\ud800"}': "a lone surrogate",
    "[" * 100_000: "is nested too deep",
    "[]": "holds [], expected an object",
    '{"a": -1}': "a is -1, expected a whole number from 0 up",
    '{"a": true}': "a is True, expected a whole number",
    '{"a": 1.5}': "a is 1.5, expected a whole number",
}


@pytest.mark.parametrize("text", JSON, ids=lambda text: text[:12])
def test_json_that_cannot_be_used_is_one_line(tmp_path: Path, text: str):
    path = tmp_path / "set.json"
    path.write_text(text)
    said = refused(read_json, path, AGAIN, {"a": COUNT})
    assert said.startswith(str(path))
    assert JSON[text] in said


def test_a_key_that_is_not_there_names_the_file(tmp_path: Path):
    path = tmp_path / "set.json"
    path.write_text('{"thresholds": {}}')
    found = read_json(path, AGAIN)
    assert refused(found["thresholds"].__getitem__, "same_person") == (
        f"{path} lacks 'same_person'. {AGAIN}"
    )
    assert found.get("other") is None


def test_shapes_go_as_deep_as_they_are_given():
    shape = {"list": [Maybe(Number(0, 1))], "each": Each(str)}
    need_shape({"list": [None, 0.5], "each": {"a": "b"}, "more": object()}, shape, Path("x"), AGAIN)
    for value, said in (
        ({"list": [None, 2]}, r"x: list[1] is 2, expected a number from 0 to 1."),
        ({"list": [math.inf]}, "x: list[0] is inf"),
        ({"each": {"a": None}}, "x: each.a is missing (null), expected a text"),
        ({"each": []}, "x: each is [], expected an object"),
    ):
        assert said in refused(need_shape, value, shape, Path("x"), AGAIN)


@pytest.mark.case("F a byte order mark in lists of ids, landmarks, JSON")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_whatever_editor_wrote_it(tmp_path: Path, encoding: str):
    path = tmp_path / "ids.txt"
    path.write_text("Zoë/1\r\nada/2\r\n", encoding, newline="")
    assert read_ids(path) == ["Zoë/1", "ada/2"]
    path.write_text('{"a": 1}', encoding)
    assert read_json(path, AGAIN) == {"a": 1}


def test_what_is_no_text_is_said_with_its_line(tmp_path: Path):
    path = tmp_path / "ids.txt"
    path.write_bytes(b"ada/1\nJos\xe9/1\n")
    assert "is no text in UTF-8: line 2 has the byte 0xe9" in refused(read_text, path, AGAIN)
    assert "cannot be read: No such file" in refused(read_text, tmp_path / "none", AGAIN)
    assert "cannot be read: Is a directory" in refused(read_text, tmp_path, AGAIN)


SCHEMA = pa.schema(
    [("image_id", pa.string()), ("refs", pa.list_(pa.struct([("s", pa.float32())])))]
)
PARQUET = {
    "lacks the column refs": {"image_id": ["a"]},
    "the column image_id is int64, expected string": {"image_id": [1], "refs": [[]]},
    "the column refs.s is string, expected float": {"image_id": ["a"], "refs": [[{"s": "x"}]]},
    "the column refs is string": {"image_id": ["a"], "refs": ["x"]},
    "row 2 has nothing, or no number, in image_id": {
        "image_id": ["a", None],
        "refs": [[{"s": 1.0}]] * 2,
    },
    "row 3 has nothing, or no number, in refs": {
        "image_id": ["a", "b", "c"],
        "refs": [[{"s": 1.0}], [], [{"s": 1.0}, {"s": math.nan}]],
    },
}  # fmt: skip


@pytest.mark.parametrize("said", PARQUET)
def test_parquet_that_cannot_be_used_is_one_line(tmp_path: Path, said: str):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(PARQUET[said]), path)
    names = {"image_id", "refs"}
    assert said in refused(read_parquet, path, AGAIN, SCHEMA, whole=names)
    batches = read_batches(path, AGAIN, SCHEMA, 1, columns=["image_id", "refs"])
    assert said in refused(list, batches)


def test_parquet_that_is_cut_off_or_is_none(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"image_id": ["a"] * 50}), path)
    whole = path.read_bytes()
    for data, said in (
        (whole[:-3], "is no whole Parquet file"),
        (b"", "is empty: it has 0 bytes"),
        (whole[:20] + bytes(20) + whole[40:], "is damaged"),
    ):
        path.write_bytes(data)
        assert said in refused(read_parquet, path, AGAIN)


def test_a_folder_named_a_equals_b_adds_no_column(tmp_path: Path):
    path = tmp_path / "run=1" / "rows.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"image_id": ["a"]}), path)
    assert read_parquet(path, AGAIN).column_names == ["image_id"]


@pytest.mark.case("E28")
def test_checkpoints_that_are_empty_cut_off_or_no_data(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": torch.zeros(2000), "step": 1}, path)
    whole = path.read_bytes()
    assert read_checkpoint(path, AGAIN)["step"] == 1
    path.write_bytes(b"")
    assert "is empty: it has 0 bytes" in refused(read_checkpoint, path, AGAIN)
    path.write_bytes(whole[:3000])
    assert "is cut off, or no file of torch.save" in refused(read_checkpoint, path, AGAIN)
    torch.save([1], path)
    assert "holds a list, expected a dict" in refused(read_checkpoint, path, AGAIN)
    torch.save({"run": print}, path)
    assert "not opened, since that could run code" in refused(read_checkpoint, path, AGAIN)


def test_safetensors_that_are_cut_off_or_none(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    for data in (b"", b"x", (10**12).to_bytes(8, "little"), b"\x02" + bytes(7) + b"{}" + bytes(9)):
        path.write_bytes(data)
        said = refused(read_safetensors, path, AGAIN)
        assert "is empty" in said or "is no whole safetensors file" in said


def test_what_is_said_of_an_error_is_one_printable_line():
    with pytest.raises(FaceRefError) as caught, reading(Path("x"), AGAIN):
        raise KeyError("a\nb" + "c" * 999)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def damaged(face_ref: Path, tmp_path: Path) -> Path:
    """A copy of a set, to be damaged."""
    return Path(shutil.copytree(face_ref, tmp_path / "set"))


def test_a_set_names_the_image_that_is_damaged_or_of_another_size(
    tiny_face_ref: Path, tmp_path: Path
):
    root = damaged(tiny_face_ref, tmp_path)
    path = root / store.shard_name("test", 0, 1)
    for data, said in ((b"junk", "is damaged"), (None, "is 16x16, expected 128x128")):
        rows = pq.ParquetFile(path).read().to_pylist()
        rows[2]["image"]["bytes"] = data or _png()
        pq.write_table(pa.Table.from_pylist(rows, schema=store.SCHEMA), path)
        for ask in (lambda f: f.images("test"), lambda f: f.image("test1/2")):
            with pytest.raises(FaceRefError, match=f"image of test1/2 {said}"):
                ask(FaceRef.open(root))


def _png() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_reference_to_a_face_that_is_not_there(tiny_face_ref: Path, tmp_path: Path):
    from benchmark.data.faces import read_split

    root = damaged(tiny_face_ref, tmp_path)
    path = root / store.shard_name("test", 0, 1)
    rows = pq.ParquetFile(path).read().to_pylist()
    rows[0]["refs_lr"][0]["image_id"] = "nobody/1"
    pq.write_table(pa.Table.from_pylist(rows, schema=store.SCHEMA), path)
    with pytest.raises(FaceRefError, match="The reference 'nobody/1' is no face of train"):
        read_split(FaceRef.open(root), "test", "refs_lr")


def test_a_manifest_of_wrong_types_is_named(tiny_face_ref: Path, tmp_path: Path):
    root = damaged(tiny_face_ref, tmp_path)
    known = json.loads((root / store.MANIFEST).read_text())
    (root / store.MANIFEST).write_text(json.dumps({**known, "counts": ["train"]}))
    with pytest.raises(FaceRefError, match=r"face_ref\.json: counts is \['train'\], expected an o"):
        FaceRef.open(root)
    del known["counts"]
    (root / store.MANIFEST).write_text(json.dumps(known))
    with pytest.raises(FaceRefError, match=r"face_ref\.json lacks 'counts'"):
        repr(FaceRef.open(root))


def test_rows_are_read_from_their_groups_alone(tmp_path: Path):
    path, columns = tmp_path / "rows.parquet", ["image_id"]
    names = [f"face{row}" for row in range(10)]
    table = pa.table({"image_id": names, "refs": [[{"s": 1.0}]] * 10}, schema=SCHEMA)
    pq.write_table(table, path, row_group_size=3)
    for rows in ([0, 2, 3, 9], [4], list(range(10)), []):
        tables = list(read_rows(path, AGAIN, SCHEMA, rows, columns=columns))
        found = [name for table in tables for name in table["image_id"].to_pylist()]
        assert found == [names[row] for row in rows]
        assert len(tables) == len({row // 3 for row in rows})


def test_a_row_that_is_not_whole_is_named_by_its_place_in_the_file(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    table = pa.table({"image_id": ["a", "b", "c", None], "refs": [[]] * 4}, schema=SCHEMA)
    pq.write_table(table, path, row_group_size=3)
    assert len(list(read_rows(path, AGAIN, SCHEMA, [1], columns=["image_id"]))) == 1
    broken = read_rows(path, AGAIN, SCHEMA, [3], columns=["image_id"])
    assert "row 4 has nothing" in refused(list, broken)

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from faceref.embed.align import ARCFACE
from faceref.errors import FaceRefError
from faceref.sources.base import Choices
from faceref.sources.celeba import IDENTITY, PARTITION, Published, celeba, survey
from faceref.sources.listing import HIDDEN, NAMED_OTHERWISE, SECOND, UNLISTED
from tests.faceref.layouts import POINTS, faces, md5_of, write_celeba

Copy = tuple[Path, Published]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return tmp_path / "celeba", write_celeba(tmp_path / "celeba", faces())


@pytest.fixture
def zipped(tmp_path: Path) -> Copy:
    return tmp_path / "celeba", write_celeba(tmp_path / "celeba", faces(), zipped=True)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _resummed(root: Path, published: Published) -> Published:
    sums = {name: md5_of(root / name) for name in published.md5 if (root / name).exists()}
    return Published(published.images, published.people, sums)


def test_every_column_reaches_its_record(copy: Copy):
    root, published = copy
    source = celeba(Choices(root), published)
    assert [record.image_id for record in source.records[:2]] == ["000001", "000002"]
    fifth = source.records[4]
    assert (fifth.identity, fifth.partition) == ("101", "val")
    assert fifth.landmarks is not None
    assert np.array_equal(fifth.landmarks, ARCFACE.template.round())
    assert (source.labelled, source.partial) == (True, False)
    assert "no redistribution" in source.licence


def test_zip_and_folder_give_the_same_bytes(zipped: Copy):
    root, published = zipped
    records = celeba(Choices(root), published).records
    assert [r.blob.read() for r in records if r.blob] == [face.image for face in faces()]
    assert all(record.path is None and record.data is None for record in records)


def test_the_folders_of_the_official_download(copy: Copy):
    root, published = copy
    for folder, names in (
        ("Anno", (IDENTITY, POINTS)),
        ("Eval", (PARTITION,)),
        ("Img", ("img_align_celeba",)),
    ):
        (root / folder).mkdir()
        for name in names:
            (root / name).rename(root / folder / name)
    assert survey(Choices(root), published).inventory.complete
    assert survey(Choices(root.parent), published).inventory.complete


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "image identity\n" + text,
        lambda text: text.replace(" ", ","),
        lambda text: "image_id,identity\n" + text.replace(" ", ","),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"{text.count(chr(10))}\nimage identity\n" + text,
    ],
    ids=["header", "commas", "csv", "crlf", "count and header"],
)
def test_other_forms_of_the_same_rows_pass_the_sum(copy: Copy, edit):
    root, published = copy
    path = root / IDENTITY
    path.write_bytes(edit(path.read_text()).encode())
    source = celeba(Choices(root), published)
    assert [r.identity for r in source.records] == [str(face.identity) for face in faces()]


def test_a_copy_in_csv(copy: Copy):
    root, published = copy
    text = (root / POINTS).read_text().split("\n", 1)[1]
    header, rows = text.split("\n", 1)
    body = "\n".join(",".join(line.split()) for line in rows.splitlines())
    csv = root / "list_landmarks_align_celeba.csv"
    csv.write_text("image_id," + ",".join(header.split()) + "\n" + body + "\n")
    (root / POINTS).unlink()
    source = celeba(Choices(root, checksums=False), published)
    assert not source.partial
    assert len(source.records) == len(faces())
    with pytest.raises(FaceRefError, match="--no-checksums"):
        celeba(Choices(root), published)


def _as_csv(root: Path, names: Sequence[str]) -> None:
    """Write the lists as Kaggle has them: a header, commas, no count."""
    for name in names:
        lines = (root / name).read_text().splitlines()
        rows = [",".join(line.split()) for line in lines if line[:1].isdigit() and ".jpg" in line]
        columns = ["image_id", *map(str, range(rows[0].count(",")))]
        (root / name).with_suffix(".csv").write_text("\n".join([",".join(columns), *rows, ""]))
        (root / name).unlink()


def test_a_copy_from_kaggle_is_told_what_it_lacks(copy: Copy):
    root, published = copy
    _as_csv(root, (PARTITION, POINTS))
    (root / IDENTITY).unlink()
    images = root / "img_align_celeba"
    images.rename(root / "inner")
    images.mkdir()
    (root / "inner").rename(images / "img_align_celeba")
    (fault,) = survey(Choices(root), published).inventory.faults
    assert fault.startswith("list_landmarks_align_celeba.csv is CSV, as Kaggle has the lists")
    assert "Get identity_CelebA.txt, which Kaggle lacks, and the lists as .txt from" in fault
    assert "--partial --no-checksums: people are then guessed" in fault
    source = celeba(Choices(root, partial=True, checksums=False), published)
    assert (source.labelled, len(source.records)) == (False, len(faces()))


def test_a_list_in_csv_with_other_rows_is_damaged(copy: Copy):
    root, published = copy
    _as_csv(root, (PARTITION,))
    _edit(root / "list_eval_partition.csv", "000005.jpg,1", "000005.jpg,2")
    with pytest.raises(FaceRefError, match=r"partition\.csv has MD5 .*damaged or was edited"):
        celeba(Choices(root), published)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("gone", r"There is nothing at .*gone\. CelebA needs"),
        ("img_align_celeba", r"the folder of the images\. Give .* with the lists: {root}\. "),
        ("identity_CelebA.txt", r"is a file\. Give .* with the lists: {root}\. "),
        ("img_align_celeba/img_align_celeba", "with the lists: {root}"),
    ],
)
def test_another_place_than_the_folder_of_celeba_is_told_from_it(
    copy: Copy, place: str, message: str
):
    root, published = copy
    (root / "img_align_celeba" / "img_align_celeba").mkdir()
    with pytest.raises(FaceRefError, match=message.format(root=root)):
        celeba(Choices(root / place), published)


def test_images_without_their_lists_are_told_from_the_folder(copy: Copy):
    """The outer of two folders of one name holds a folder of images, and no list."""
    root, published = copy
    outer = root / "img_align_celeba"
    outer.rename(root / "inner")
    outer.mkdir()
    (root / "inner").rename(outer / "img_align_celeba")
    with pytest.raises(FaceRefError, match=f"with the lists: {root}"):
        celeba(Choices(outer, partial=True), published)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (IDENTITY, "000002.jpg", "2.jpg", r"line 2: '2\.jpg 100': needs 000001\.jpg"),
        (IDENTITY, "000002.jpg", "0000002.jpg", "line 2"),
        (IDENTITY, "000003.jpg", "000002.jpg", "line 3: .*a second time"),
        (IDENTITY, "000002.jpg 100", "000002.jpg x", "line 2"),
        (PARTITION, "000002.jpg 0", "000002.jpg", "line 2"),
        (PARTITION, "000001.jpg 0", "000001.jpg 0 7", "line 1"),
        (POINTS, "000002.jpg   46", "000002.jpg", "line 4: .*10 integers"),
        (POINTS, "12\n", "13\n", "announces 13 rows and has 12"),
    ],
)
def test_a_damaged_row_is_named(copy: Copy, name: str, old: str, new: str, message: str):
    root, published = copy
    _edit(root / name, old, new)
    with pytest.raises(FaceRefError, match=message):
        celeba(Choices(root, checksums=False, partial=True), published)


def test_a_row_that_one_file_lacks(copy: Copy):
    root, published = copy
    _edit(root / IDENTITY, "000005.jpg 101\n", "")
    with pytest.raises(FaceRefError, match=r"identity_CelebA.txt lacks 000005\.jpg"):
        celeba(Choices(root, checksums=False, partial=True), published)


def test_an_unknown_partition(copy: Copy):
    root, published = copy
    _edit(root / PARTITION, "000005.jpg 1", "000005.jpg 3")
    with pytest.raises(FaceRefError, match="other than 0, 1 and 2"):
        celeba(Choices(root), _resummed(root, published))


@pytest.mark.parametrize("name", [IDENTITY, POINTS])
def test_a_wrong_sum_is_an_error_that_says_how_to_go_on(copy: Copy, name: str):
    root, published = copy
    text = (root / name).read_text()
    (root / name).write_text(text[:-2] + ("0" if text[-2] != "0" else "1") + "\n")
    with pytest.raises(FaceRefError, match=f"{name} has MD5 .*--no-checksums"):
        celeba(Choices(root, partial=True), published)
    source = celeba(Choices(root, checksums=False), published)
    assert source.manifest()["inventory"]["notes"] == ["MD5 sums were not checked"]


def test_missing_images_are_counted_and_named(copy: Copy):
    root, published = copy
    for number in range(2, 9):
        (root / "img_align_celeba" / f"{number:06d}.jpg").unlink()
    message = r"5 of 12 images; missing: 000002.jpg, .*000006.jpg and 2 more.*--partial"
    with pytest.raises(FaceRefError, match=message):
        celeba(Choices(root), published)
    source = celeba(Choices(root, partial=True), published)
    assert [r.image_id for r in source.records[:2]] == ["000001", "000009"]
    assert source.records[1].identity == "102"
    said = source.manifest()
    assert said["partial"] is True
    assert said["inventory"]["counts"]["images"] == {"found": 5, "expected": 12}


def test_rows_missing_from_all_files_are_counted(copy: Copy):
    root, _ = copy
    bigger = Published(13, 5, {})
    with pytest.raises(FaceRefError, match=r"12 of 13 listed images; 4 of 5 people"):
        celeba(Choices(root), bigger)


@pytest.mark.parametrize("name", [IDENTITY, PARTITION, POINTS])
def test_a_missing_text_file(copy: Copy, name: str):
    root, published = copy
    (root / name).unlink()
    with pytest.raises(FaceRefError, match=f"2 of 3 text files; missing: {name}"):
        celeba(Choices(root), published)
    source = celeba(Choices(root, partial=True), published)
    first = source.records[0]
    assert source.labelled is (name != IDENTITY)
    assert (first.identity == first.image_id) is (name == IDENTITY)
    assert (first.partition is None) is (name == PARTITION)
    assert (first.landmarks is None) is (name == POINTS)


@pytest.mark.case("F CelebA as PNG")
def test_images_as_png_or_in_capitals_are_found_by_their_number(copy: Copy):
    root, published = copy
    png = root / "img_align_celeba_png"
    (root / "img_align_celeba").rename(png)
    for place, path in enumerate(sorted(png.iterdir())):
        path.rename(path.with_suffix((".png", ".JPG", ".jpeg")[place % 3]))
    (png / ".DS_Store").touch()
    (png / "index.html").touch()
    (png / "999999.png").touch()
    (png / "000001.jpg").touch()
    source = celeba(Choices(root), published)
    assert [record.image_id for record in source.records[:2]] == ["000001", "000002"]
    assert (source.partial, len(source.records)) == (False, len(faces()))
    assert source.records[4].landmarks is not None
    assert source.inventory is not None
    assert {item.reason: item.names for item in source.inventory.passed_over} == {
        HIDDEN: (".DS_Store",),
        NAMED_OTHERWISE: ("index.html",),
        SECOND: ("000001.png",),
        UNLISTED: ("999999",),
    }


@pytest.mark.case("F CelebA as PNG")
@pytest.mark.parametrize("place", ["", "Img"])
def test_a_7z_says_that_it_must_be_unpacked(copy: Copy, place: str):
    root, published = copy
    shutil.rmtree(root / "img_align_celeba")
    (root / place).mkdir(exist_ok=True)
    (root / place / "img_align_celeba_png.7z.001").touch()
    with pytest.raises(FaceRefError, match=r"png\.7z\.001 must be unpacked: 7z x img_align"):
        celeba(Choices(root), published)


def test_a_zip_that_was_cut(zipped: Copy):
    root, published = zipped
    path = root / "img_align_celeba.zip"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FaceRefError, match=r"no whole zip archive.*Get it again"):
        celeba(Choices(root, checksums=False), published)


def test_a_zip_with_another_sum(zipped: Copy):
    root, published = zipped
    path = root / "img_align_celeba.zip"
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(FaceRefError, match=r"img_align_celeba\.zip has MD5"):
        celeba(Choices(root), published)


def test_swapped_eyes_are_refused(tmp_path: Path):
    given = [
        type(face)(face.image, face.identity, face.points[[1, 0, 2, 4, 3]]) for face in faces()
    ]
    published = write_celeba(tmp_path, given)
    with pytest.raises(FaceRefError, match="100% of the rows the left eye lies right"):
        celeba(Choices(tmp_path), published)


def test_images_in_the_wild_take_their_own_landmarks(copy: Copy):
    root, published = copy
    (root / "img_align_celeba").rename(root / "img_celeba")
    with pytest.raises(FaceRefError, match=r"missing: list_landmarks_celeba\.txt"):
        celeba(Choices(root), published)
    (root / POINTS).rename(root / "list_landmarks_celeba.txt")
    assert celeba(Choices(root), published).records[0].landmarks is not None
    with pytest.raises(FaceRefError, match="Unknown --images of CelebA 'wild'"):
        celeba(Choices(root, images="wild"), published)
    with pytest.raises(FaceRefError, match="No img_align_celeba in"):
        celeba(Choices(root, images="img_align_celeba"), published)


def test_an_empty_folder_says_what_is_expected(tmp_path: Path):
    with pytest.raises(FaceRefError, match=r"CelebA needs a folder with img_align_celeba"):
        celeba(Choices(tmp_path))


def test_a_small_copy_is_not_taken_for_celeba(copy: Copy):
    root, _ = copy
    with pytest.raises(FaceRefError, match="12 of 202,599 listed images"):
        celeba(Choices(root, checksums=False))


@pytest.mark.case("C19")
@pytest.mark.parametrize("value", ["100000", "-100000", "nan", "99999999999", "1e9", ""])
def test_a_landmark_that_is_no_place_names_file_line_and_value(copy: Copy, value: str):
    root, published = copy
    path = next(root.rglob("list_landmarks_align_celeba.txt"))
    lines = path.read_text().splitlines()
    cells = lines[5].split()
    lines[5] = " ".join([*cells[:3], value, *cells[4:]])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(FaceRefError) as caught:
        celeba(Choices(root, checksums=False), published)
    assert f"list_landmarks_align_celeba.txt, line 6: '{cells[0]} " in str(caught.value)
    assert value in str(caught.value)


def test_quoted_csv_with_a_byte_order_mark(copy: Copy):
    root, published = copy
    path = next(root.rglob(IDENTITY))
    rows = [line.split() for line in path.read_text().splitlines()]
    quoted = ['"image_id","identity"', *(f'"{name}","{person}"' for name, person in rows)]
    path.with_suffix(".csv").write_text("\r\n".join(quoted), "utf-8-sig", newline="")
    path.unlink()
    assert celeba(Choices(root), published).labelled


def test_an_image_called_nan_is_a_line_that_is_named(copy: Copy):
    root, published = copy
    path = next(root.rglob("list_eval_partition.txt"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "nan 0", *lines[4:]]) + "\n")
    with pytest.raises(FaceRefError, match=r"list_eval_partition\.txt, line 4: 'nan 0'"):
        celeba(Choices(root, checksums=False), published)

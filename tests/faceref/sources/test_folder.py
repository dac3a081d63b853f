import os
import shutil
import socket
from pathlib import Path

import pytest
from PIL import Image

from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.reading.image_format import IMAGE_ENDINGS
from faceref.sources.folder import folder
from faceref.sources.inventory import Inventory
from faceref.sources.listing import HIDDEN, LINK, LOOSE, SHUT, SPECIAL, Account, files_below
from faceref.sources.registry import check_source
from tests.faceref.fakes import PlainEmbedder, write_people


def _touch(root: Path, *names: str | bytes) -> Path:
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).touch()
    return root


def _ids(root: Path) -> list[str]:
    return [record.image_id for record in folder(root).records]


def _passed(root: Path) -> dict[str, tuple[str, ...]]:
    found: Inventory = check_source("folder", root)
    return {item.reason: item.names for item in found.passed_over}


@pytest.mark.case("B8")
def test_images_of_every_ending_are_listed(tmp_path: Path):
    names = [f"a/{place}{ending}" for place, ending in enumerate(IMAGE_ENDINGS)]
    names += ["a/x.HEIC", "a/y.Jfif"]
    assert len(_ids(_touch(tmp_path, *names))) == len(names)
    assert _passed(tmp_path) == {}


@pytest.mark.case("F images in sub-folders")
def test_images_in_sub_folders_are_their_persons(tmp_path: Path):
    _touch(tmp_path, "a/1.jpg", "a/trip/1.jpg", "a/trip/2/1.png", "b/1.jpg")
    records = folder(tmp_path).records
    assert [record.image_id for record in records] == ["a/1", "a/trip/1", "a/trip/2/1", "b/1"]
    assert [record.identity for record in records] == ["a", "a", "a", "b"]
    assert check_source("folder", tmp_path).notes == ("images in sub-folders of their person: 2",)


@pytest.mark.case("F images in sub-folders")
def test_what_is_no_image_of_a_person_is_counted_with_the_reason(tmp_path: Path):
    _touch(tmp_path, "a/1.jpg", "a/notes.txt", "a/.x.jpg", ".git/y.png", "loose.jpg", "b/film.mp4")
    (tmp_path / "a" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "a" / "up").symlink_to("..")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    assert _passed(tmp_path) == {
        "no image by its ending": ("a/notes.txt", "b/film.mp4"),
        HIDDEN: (".git", "a/.x.jpg"),
        LOOSE: ("loose.jpg",),
        LINK: ("a/gone.jpg", "a/up"),
        SPECIAL: ("a/pipe.jpg",),
    }
    text = check_source("folder", tmp_path).text()
    assert "2 passed over, no image by its ending: a/notes.txt, b/film.mp4" in text


def test_links_to_people_are_followed_and_links_back_are_not(tmp_path: Path):
    root = _touch(tmp_path / "faces", "a/1.jpg", "b/1.jpg")
    _touch(tmp_path / "elsewhere", "1.jpg")
    (root / "c").symlink_to(tmp_path / "elsewhere")
    (root / "all").symlink_to(root)
    (root / "above").symlink_to(tmp_path)
    assert _ids(root) == ["a/1", "b/1", "c/1"]
    assert _passed(root) == {LINK: ("above", "all")}


@pytest.mark.case("F images in sub-folders")
@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("train/a/1.jpg", "train/b/1.jpg", "test/c/1.jpg"), "train"),
        (("Images/a/1.jpg", *(f"x{n}/1.jpg" for n in range(9))), "Images"),
        (("lfw/lfw-deepfunneled/a/1.jpg", "lfw/lfw-deepfunneled/b/1.jpg"), "lfw/lfw-deepfunneled"),
    ],
)
def test_people_one_level_deeper_are_an_error_that_names_the_folder(
    tmp_path: Path, names: tuple[str, ...], place: str
):
    _touch(tmp_path, *names)
    with pytest.raises(FaceRefError, match=f"the people lie deeper, .*Give {tmp_path / place};"):
        folder(tmp_path)


def test_people_with_sessions_are_people(tmp_path: Path):
    _touch(tmp_path, *(f"p{person}/day{day}/1.jpg" for person in range(4) for day in range(2)))
    assert {record.identity for record in folder(tmp_path).records} == {"p0", "p1", "p2", "p3"}


def test_a_flat_folder_says_how_to_build_without_labels(tmp_path: Path):
    _touch(tmp_path, "1.jpg", "2.HEIC", ".x")
    with pytest.raises(FaceRefError, match=r"2 images lie directly .*--identity-column none"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("img_align_celeba/000001.jpg", ""),
        ("img_align_celeba/000001.jpg", "img_align_celeba"),
        ("img_align_celeba/img_align_celeba/000001.jpg", ""),
        ("img_align_celeba/img_align_celeba/000001.jpg", "img_align_celeba"),
        ("img_align_celeba_png/000001.png", ""),
    ],
)
def test_celeba_is_sent_to_its_own_source(tmp_path: Path, name: str, given: str):
    _touch(tmp_path, name, "identity_CelebA.txt")
    with pytest.raises(FaceRefError, match=f"--source celeba {tmp_path} --out"):
        folder(tmp_path / given)


def test_celeba_that_somebody_sorted_by_person_is_a_folder_of_people(tmp_path: Path):
    root = tmp_path / "img_align_celeba"
    _touch(root, *(f"{person}/00000{person}.jpg" for person in range(4)), "000009.jpg")
    assert _ids(root) == [f"{person}/00000{person}" for person in range(4)]


@pytest.mark.case("C15")
def test_names_that_are_no_utf_8_become_text_without_clashes(tmp_path: Path):
    _touch(tmp_path, b"Jos\xe9/1.jpg", b"Jos\xe9/\xe9.jpg", b"Jos\xe9/\xea.jpg")
    _touch(tmp_path, b"Jos\\xe9/1.jpg", b"Jos\\xe9/\\xe9.jpg", b"Ada/\xe9.jpg", b"Ada/\\xe9.jpg")
    _touch(tmp_path, b"Ada/\xe9.txt")
    ids = _ids(tmp_path)
    assert sorted(ids) == [
        *("Ada/\\xe9.jpg", "Ada/\\xe9.jpg~"),
        *("Jos\\xe9/1", "Jos\\xe9/\\xe9"),
        *("Jos\\xe9~/1", "Jos\\xe9~/\\xe9", "Jos\\xe9~/\\xea"),
    ]
    for text in (*ids, check_source("folder", tmp_path).text()):
        text.encode()


@pytest.mark.case("C15")
def test_a_build_takes_names_that_are_no_utf_8(tmp_path: Path):
    root = write_people(tmp_path / "people")
    (root / "person_03").rename(os.fsdecode(os.fsencode(root) + b"/Jos\xe9"))
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    build(folder(root), PlainEmbedder(), tmp_path / "out", recipe)
    faces = FaceRef.open(tmp_path / "out")
    people = {row["identity"] for split in faces.splits for row in faces.rows(split)}
    assert "Jos\\xe9" in people
    assert len(people) == 12


@pytest.mark.case("C16")
def test_a_folder_that_may_not_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _touch(tmp_path, "a/1.jpg", "a/shut/2.jpg", "lost+found/x.jpg")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name in ("shut", "lost+found"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert _ids(tmp_path) == ["a/1"]
    assert _passed(tmp_path) == {SHUT: ("a/shut", "lost+found")}


@pytest.mark.case("C17")
def test_ids_are_unique_where_one_name_is_the_stem_of_another(tmp_path: Path):
    _touch(tmp_path, "a/1.jpg", "a/1.png", "a/1.jpg.png", "a/2.jpg", "b/1.jpg.png", "b/3.jpg")
    assert _ids(tmp_path) == ["a/1.jpg", "a/1.jpg.png", "a/1.png", "a/2", "b/1.jpg", "b/3"]
    _touch(tmp_path, "c/1.jpg", "c/1.jpg.png", "c/1.jpg.png.jpg", "c/1.png")
    assert len(set(_ids(tmp_path))) == len(_ids(tmp_path))


def test_no_file_of_a_deep_or_odd_tree_is_lost(tmp_path: Path):
    deep = "/".join(["d"] * 300)
    _touch(tmp_path, f"a/{deep}/1.jpg", "a/" + "x" * 250 + ".jpg", "a/ .jpg", "a/line\nbreak.jpg")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "a" / "s.jpg"))
        account = Account()
        found = list(files_below(tmp_path, account))
    assert len(found) == 4
    assert [item.reason for item in account.passed_over()] == [SPECIAL]
    assert len(_ids(tmp_path)) == 4
    shutil.rmtree(tmp_path / "a")


@pytest.mark.case("F images in sub-folders")
def test_passed_over_and_rejected_files_are_in_manifest_and_summary(tmp_path: Path):
    root = write_people(tmp_path / "people")
    _touch(root, "person_01/notes.txt", "loose.jpg", "person_02/empty.jpg")
    Image.new("RGB", (9, 9)).save(root / "person_02" / "black.png")
    (root / "person_03" / "cut.png").write_bytes((root / "person_03/0.png").read_bytes()[:3000])
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    manifest = build(folder(root), PlainEmbedder(), tmp_path / "out", recipe)
    passed = {LOOSE: 1, "no image by its ending": 1}
    assert manifest["origin"]["inventory"]["passed_over"] == passed
    assert manifest["rejects"] == {"no face": 1, "unreadable": 2}
    summary = FaceRef.open(tmp_path / "out").summary()
    tables = {title: rows for title, _, rows in summary.tables}
    assert summary.files == (
        "3 rejected (1 no face, 2 unreadable); "
        "2 passed over (1 image beside the folders of people, 1 no image by its ending)"
    )
    assert tables["Rejected images"] == [
        ["no face", "1"],
        ["unreadable: cut off", "1"],
        ["unreadable: empty file", "1"],
    ]
    assert tables["Passed over in the source"] == [[LOOSE, "1"], ["no image by its ending", "1"]]

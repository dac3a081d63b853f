"""How often references share an attribute of their face, against counting pair by pair."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from faceref.cli.app import app
from faceref.dataset import agreement
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError


def write_table(path: Path, faces: FaceRef, splits: tuple[str, ...] = ("train", "test")) -> dict:
    """A table of three attributes of which two are of a few words; what it says of each face."""
    ids = [image for split in splits for image in faces.column(split, "image_id")]
    drawn = np.random.default_rng(0).choice(["old", "Young", "middle"], len(ids))
    words = dict(zip(ids, drawn.tolist(), strict=True))
    rows = [f"{image},{word},{row},{row % 2}" for row, (image, word) in enumerate(words.items())]
    path.write_text("\n".join(["image_id,age,number,glasses", *rows]) + "\n")
    return words


@pytest.mark.parametrize("split", ["train", "test"])
def test_shares_are_those_of_all_pairs(celeba_build: Path, tmp_path: Path, split: str):
    faces = FaceRef.open(celeba_build)
    words = write_table(tmp_path / "people.csv", faces)
    found = faces.agreement(tmp_path / "people.csv", split)
    assert found.index.tolist() == ["age", "glasses"]
    person = dict(
        zip(faces.column("train", "image_id"), faces.column("train", "identity"), strict=True)
    )
    listed, chance = [], []
    for image, own in zip(
        faces.column(split, "image_id"), faces.column(split, "identity"), strict=True
    ):
        listed.append(
            np.mean(
                [words[one.image_id] == words[image] for one in faces.references(image, "refs_hr")]
            )
        )
        chance.append(
            np.mean([words[other] == words[image] for other in person if person[other] != own])
        )
    assert found.loc["age", "refs_hr"] == pytest.approx(np.mean(listed))
    assert found.loc["age", "random"] == pytest.approx(np.mean(chance))


def test_an_attribute_that_all_share_with_their_references_is_one(
    tiny_face_ref: Path, tmp_path: Path
):
    faces = FaceRef.open(tiny_face_ref)
    chosen = {one.image_id for one in faces.references(faces.column("test", "image_id")[0])}
    ids = faces.column("train", "image_id") + faces.column("test", "image_id")
    rows = [
        f"{name},{'no' if name.startswith('train') and name not in chosen else 'yes'}"
        for name in ids
    ]
    (tmp_path / "hat.csv").write_text("\n".join(["image_id,hat", *rows]))
    shares = faces.agreement(tmp_path / "hat.csv").loc["hat"]
    assert shares["refs_lr"] == shares["refs_hr"] == 1
    assert shares["random"] == pytest.approx(8 / 24)


def test_tables_that_do_not_fit_say_so(tiny_face_ref: Path, tmp_path: Path):
    faces, file = FaceRef.open(tiny_face_ref), tmp_path / "people.csv"
    write_table(file, faces, ("test",))
    with pytest.raises(FaceRefError, match="lacks 24 of 30 images, such as 'train0/0'"):
        faces.agreement(file)
    ids = faces.column("train", "image_id") + faces.column("test", "image_id")
    file.write_text("\n".join(["image_id,name", *(f"{image},{image}" for image in ids)]))
    with pytest.raises(FaceRefError, match=r"with 2 to 12 different values in train: name has 24"):
        faces.agreement(file)


def test_faces_with_nothing_to_compare_are_left_out():
    ours, theirs = np.array(["a", "b", "a"]), np.array(["a", "b", "b"])
    shares = agreement._of_lists(ours, theirs, [[0, 1], [], [2]])
    assert shares.tolist()[::2] == [0.5, 0]
    assert np.isnan(shares[1])
    chances = agreement._by_chance(ours, ["x", "y", "z"], theirs[:2], ["x", "x"])
    assert np.isnan(chances[0])
    assert chances.tolist()[1:] == [0.5, 0.5]


def test_what_the_table_leaves_empty_is_not_counted():
    ours, theirs = np.array(["a", ""]), np.array(["a", "", "b"])
    shares = agreement._of_lists(ours, theirs, [[0, 1, 2], [0]])
    assert shares[0] == 0.5
    assert np.isnan(shares[1])
    chances = agreement._by_chance(ours, ["x", "x"], theirs, ["y", "y", "z"])
    assert chances[0] == 0.5
    assert np.isnan(chances[1])


def test_where_no_face_can_be_compared_it_says_so(
    tiny_face_ref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    faces = FaceRef.open(tiny_face_ref)
    write_table(tmp_path / "people.csv", faces)
    table = FaceRef.table

    def alone(self: FaceRef, split: str, columns: Sequence[str]) -> pa.Table:
        rows = table(self, split, columns).to_pylist()
        return pa.Table.from_pylist([row | {"refs_lr": []} for row in rows])

    monkeypatch.setattr(FaceRef, "table", alone)
    with pytest.raises(FaceRefError, match=r"No face of 'test' .* has references in refs_lr"):
        faces.agreement(tmp_path / "people.csv")


def test_inspect_prints_the_shares(celeba_build: Path, tmp_path: Path):
    write_table(tmp_path / "people.csv", FaceRef.open(celeba_build))
    sheet, table = str(tmp_path / "sheet.png"), str(tmp_path / "people.csv")
    arguments = ["inspect", str(celeba_build), "--sheet", sheet, "--attributes", table]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "Agreement with references" in result.output
    assert "glasses" in result.output
    assert "may be chance" in result.output
    assert "Left out, by their number of values: number (" in result.output

"""Tables of attributes: which row is of which face, and what is refused."""

from pathlib import Path

import pytest

from faceref.errors import FaceRefError
from faceref.reading.attributes import read_attributes


def test_celeba_s_file_is_read(tmp_path: Path):
    file = tmp_path / "list_attr_celeba.txt"
    file.write_text("2\nMale Young\n000001.jpg -1  1\n000002.jpg  1 -1\n")
    found = read_attributes(file, ["000002", "000001.jpg"])
    assert {name: words.tolist() for name, words in found.items()} == {
        "Male": ["1", "-1"],
        "Young": ["-1", "1"],
    }


@pytest.mark.parametrize("name", ["ada/1", "ada/1.jpg", "faces/1.jpg", "1"])
def test_a_row_is_found_by_its_name_without_ending_and_folder(tmp_path: Path, name: str):
    file = tmp_path / "people.csv"
    file.write_text(f"image_id, age \n{name}, Old \n")
    wanted = "ada/1" if name.startswith("ada") else "1"
    assert read_attributes(file, [wanted])["age"].tolist() == ["old"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_column_of_names_may_lie_anywhere(tmp_path: Path, mark: str):
    file = tmp_path / "people.csv"
    rows = [["age", "image_id", "hat"], ["old", "a", "no"], ["", "b", "yes"]]
    file.write_text("\n".join(map(mark.join, rows)))
    found = read_attributes(file, ["b", "a"])
    assert {name: words.tolist() for name, words in found.items()} == {
        "age": ["", "old"],
        "hat": ["yes", "no"],
    }


def test_a_short_name_of_two_rows_is_of_neither(tmp_path: Path):
    file = tmp_path / "people.csv"
    file.write_text("image_id,age\nada/1.jpg,old\nbob/1.jpg,young\n")
    assert read_attributes(file, ["bob/1", "ada/1"])["age"].tolist() == ["young", "old"]
    with pytest.raises(FaceRefError, match="lacks 1 of 1 images, such as '1'"):
        read_attributes(file, ["1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,age,age\na,1,2\n", "has the column 'age' twice"),
        ("image_id,age\na,1\na,2\n", "has the image 'a' twice"),
        ("image_id,age\na\n", "is too short or long"),
        ("image_id\na\n", "is no table of attributes"),
    ],
)
def test_tables_of_two_meanings_are_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(FaceRefError, match=message):
        read_attributes(tmp_path / "people.csv", ["a"])

import pytest

from faceref.markdown import markdown_table


def test_numbers_are_right_aligned_and_empty_cells_are_empty():
    found = markdown_table(["", "PSNR", "by"], [["EDSR", "27.5", "me"], ["none", "", "x"]], "lrl")
    assert found == [
        "| | PSNR | by |",
        "| --- | ---: | --- |",
        "| EDSR | 27.5 | me |",
        "| none | | x |",
    ]


def test_rows_have_as_many_cells_as_there_are_columns():
    with pytest.raises(ValueError, match="needs 2 cells"):
        markdown_table(["one", "two"], [["alone"]])


@pytest.mark.case("F `|` or a newline in a method's name tears the table")
def test_a_cell_cannot_tear_the_table():
    lines = markdown_table(["a|b", "c"], [["x|y\nz", r"1\|2"]])
    assert lines == [r"| a\|b | c |", "| --- | ---: |", r"| x\|y z | 1\|2 |"]

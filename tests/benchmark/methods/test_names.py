import pytest

from benchmark.methods.names import is_plain, is_title, need_plain_name
from benchmark.methods.registry import need_free_name
from faceref.errors import FaceRefError


@pytest.mark.parametrize("name", ["edsr", "Real-ESRGAN x8", "GFPGAN_1.4", "a+b", "x" * 64])
def test_plain_names(name: str):
    assert is_plain(name)


@pytest.mark.case("F `|` or a newline in a method's name tears the table")
@pytest.mark.parametrize(
    "name", ["", "a|b", "a\nb", "a/b", ".a", "a.", "a ", " a", "-a", "é", "a\x00", "..", "x" * 65]
)
def test_names_that_would_tear_a_table_or_a_path(name: str):
    with pytest.raises(FaceRefError, match=r"is no name for a method\. Give it") as e:
        need_plain_name(name)
    assert str(e.value).isprintable()


@pytest.mark.case("B11")
@pytest.mark.parametrize("name", ["bicubic", "Bicubic", "EDSR", "msrnet-no-error"])
def test_names_of_the_registry_are_taken(name: str):
    with pytest.raises(FaceRefError, match=f"'{name}' is a method of the benchmark.*'my-{name}'"):
        need_free_name(name)


@pytest.mark.parametrize("name", ["mine", "my-bicubic", "edsr-official"])
def test_other_names_are_free(name: str):
    need_free_name(name)


def test_titles_are_one_short_line():
    assert is_title("MSRNet, no error (K=5)")
    assert not any(map(is_title, ("", " ", "a\nb", "x" * 129)))

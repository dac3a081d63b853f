from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref import images
from faceref.dataset.contact_sheet import contact_sheet

TILE = np.full((128, 128, 3), 200, np.uint8)


def _caption(text: str) -> np.ndarray:
    """What is drawn under a tile."""
    sheet = images.draw([[images.Tile(TILE, text, strong=True)]], {}, 1)
    return np.asarray(sheet)[images.HEAD + images.TILE :]


@pytest.mark.case("F accents and CJK on the contact sheet")
@pytest.mark.parametrize("text", ["José", "Łukasz Őz", "Ğ Ж α"])
def test_accents_are_drawn_and_no_boxes(text: str):
    box = _caption("".join(letter if letter.isascii() else "\U0010fffe" for letter in text))
    assert not np.array_equal(_caption(text), box)
    assert not np.array_equal(_caption(text), _caption("?" * len(text)))


@pytest.mark.case("F accents and CJK on the contact sheet")
def test_letters_that_no_font_has_are_escaped():
    assert np.array_equal(_caption("\u6797 a"), _caption("\\u6797 a"))
    assert not np.array_equal(_caption("\u6797"), _caption("\u5fd7"))


@pytest.mark.case("C20")
def test_a_name_with_a_line_break_is_one_line():
    assert np.array_equal(_caption("a\nb\t"), _caption("a\\nb\\t"))
    sheet = contact_sheet({"a\nb/1": [("c\r/1", 0.5)]}, {"a\nb/1": TILE, "c\r/1": TILE}, ("", ""))
    assert isinstance(sheet, Image.Image)


def test_plain_captions_stay_in_the_font_they_were_in(tmp_path: Path):
    from PIL import ImageDraw, ImageFont

    wanted = images.draw([[images.Tile(TILE, "", strong=True)]], {}, 1)
    place = (images.GAP, images.HEAD + images.TILE + 2)
    font = ImageFont.load_default(images.SIZE)
    ImageDraw.Draw(wanted).text(place, "0.5  Ada Lovelace", images.INK, font)
    drawn = images.draw([[images.Tile(TILE, "0.5  Ada Lovelace", strong=True)]], {}, 1)
    assert np.array_equal(np.asarray(drawn), np.asarray(wanted))

import json
from pathlib import Path

from reports.scripts.sample.card import NOT_YET, table, write_card

SCORES = {
    "detected": 0.995,
    "auc": 0.99,
    "same": 0.8,
    "different": 0.3,
    "mean_other": 0.3,
    "nearest_other_q05": 0.5,
    "nearest_other": 0.6,
    "nearest_other_q95": 0.7,
}
NUMBERS = {
    "images": 12,
    "bytes": 91234,
    "scrfd": SCORES | {"landmark_error": 0.05},
    "dlib": SCORES,
    "psnr": {"mean": 25.0, "min": 21.0, "max": 29.0},
    "slope": -3.0,
}


def test_what_was_not_measured_says_so():
    text = table(NUMBERS)
    assert text.count(NOT_YET) == 5
    assert "| faces detected | 99.5% | 99.5% | >= 98 % |" in text


def test_edsr_gain_and_timing_enter_the_table():
    text = table(NUMBERS | {"edsr_gain": 1.234, "seconds": {"1": 1.5, "2": 0.8}})
    assert "| EDSR over bicubic, held-out identities, dB | +1.23 |" in text
    assert "| seconds an image, 2 processes | 0.80 |" in text


def test_card_names_the_command_that_made_the_faces(tmp_path: Path):
    recipe = {"seed": 5, "size": 128, "samples_per_pixel": 24, "version": 1}
    packages = {"anny": "0.6.2", "mitsuba": "3.9.1"}
    content = {"recipe": recipe, "identities": 2, "per_identity": 6, "packages": packages}
    (tmp_path / "synthetic.json").write_text(json.dumps(content))
    write_card(tmp_path, NUMBERS, tmp_path / "README.md")
    card = (tmp_path / "README.md").read_text()
    assert "faceref synth --identities 2 --per-identity 6 --seed 5 --out FACES_DIR" in card
    assert "Mitsuba 3.9.1" in card
    assert "{" not in card

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceref.curation.links import find_neighbours
from faceref.curation.threshold_plot import plot_calibration
from faceref.curation.thresholds import SamePerson, find_same_person, measure
from faceref.errors import FaceRefError
from tests.faceref.curation.test_links import people


def _calibrated(labels: list) -> SamePerson:
    vectors = people(100, 2, 0.06)
    return find_same_person(measure(vectors, labels, find_neighbours(vectors).nearest(), 0), 200)


def test_the_threshold_moves_the_line_and_nothing_else(tmp_path: Path):
    same = _calibrated([f"p{row // 2}" for row in range(200)])
    for name, bound in (("one", None), ("two", None), ("three", 0.2)):
        plot_calibration(same, tmp_path / f"{name}.png", bound)
    first, second, third = (
        (tmp_path / f"{name}.png").read_bytes() for name in ("one", "two", "three")
    )
    assert first == second
    assert first != third
    pixels = np.asarray(Image.open(tmp_path / "one.png").convert("RGB"))
    assert pixels.shape == (720, 840, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_without_labels_the_nearest_are_drawn(tmp_path: Path):
    plot_calibration(_calibrated([None] * 200), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5_000


def test_a_threshold_without_histograms_is_refused(tmp_path: Path):
    with pytest.raises(FaceRefError, match="find_same_person"):
        plot_calibration(SamePerson(0.5, "given"), tmp_path / "plot.png")

"""Made to agree with what it was made from."""

import numpy as np
import pytest

from benchmark.protocol.degradation import degrade, upsample_bicubic
from benchmark.upscaling.consistency import agree, enlarge, shrink


def test_shrinking_is_that_of_the_benchmark(sample_faces: np.ndarray):
    face = sample_faces[0]
    assert np.abs(shrink(face, 16, 16) - degrade(face, 8)).max() <= 1


@pytest.mark.parametrize(("large", "small"), [(128, 16), (128, 24), (90, 45), (77, 77)])
def test_what_was_enlarged_is_the_same_shrunk_again(large: int, small: int):
    image = np.random.default_rng(0).uniform(0, 255, (small, small, 3))
    assert np.allclose(shrink(enlarge(image, large, large), small, small), image, atol=1e-2)


def test_to_agree_never_moves_away_from_the_truth(sample_faces: np.ndarray):
    rng = np.random.default_rng(0)
    for face in sample_faces[:4]:
        small = shrink(face, 32, 32)
        for guess in (upsample_bicubic(degrade(face, 4), 4), rng.uniform(0, 255, face.shape)):
            error = np.square(guess - face.astype(float)).mean()
            assert np.square(agree(guess, small) - face).mean() < error


def test_colours_stay_within_range_and_agree_as_far_as_that_allows():
    def errors(low: int, high: int) -> tuple[float, float]:
        small = np.full((16, 16, 3), low, np.uint8)
        small[4:12, 4:12] = high
        plain = upsample_bicubic(small, 4)
        found = agree(plain, small)
        assert (found.min() >= 0, found.max() <= 255) == (True, True)
        before, after = (np.abs(shrink(one, 16, 16) - small).mean() for one in (plain, found))
        return float(before), float(after)

    assert errors(60, 190)[1] < 0.1
    before, after = errors(0, 255)
    assert 0.1 < after < before

"""The fit of the correction of frames."""

import io

import numpy as np
from PIL import Image

from benchmark.upscaling.frame_correction import SPREAD, measured, moved
from faceref.sources.sample import sample
from reports.scripts.frame_correction import AROUND, brought_back, fit


def test_a_fit_brings_its_frames_back():
    side = 128 + 2 * AROUND
    images = [Image.open(io.BytesIO(one.data or b"")) for one in sample().records[:20]]
    wide = np.stack([np.asarray(image.convert("L").resize((side, side))) for image in images])
    rng = np.random.default_rng(0)
    off = [moved(step) for step in rng.normal(0, SPREAD, (4 * len(wide), 4))]
    sizes = rng.choice([12, 24, 128], len(off))
    after = brought_back(wide, off, sizes, fit(wide, off, sizes))
    before, left = (np.abs([measured(one) for one in each]).mean(0) for each in (off, after))
    assert (left < 0.5 * before).all()

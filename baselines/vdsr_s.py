"""VDSR-s, for a CPU budget: the 20 layers of VDSR with 32 features.

Paper: J. Kim, J. K. Lee, K. M. Lee, "Accurate image super-resolution using very deep convolutional
networks", CVPR 2016.
Origin: `baselines/vdsr.py`, narrower; the depth, which is the paper's point, is kept.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.vdsr import VDSR
from benchmark.methods.method import Method

METHOD = Method(
    "vdsr_s", "VDSR-s", "Kim et al., CVPR 2016 (smaller)", partial(VDSR, width=32), False, True
)

"""RCAN-s, for a CPU budget: 4 groups of 5 blocks.

Paper: Y. Zhang, K. Li, K. Li, L. Wang, B. Zhong, Y. Fu, "Image super-resolution using very deep
residual channel attention networks", ECCV 2018.
Origin: `baselines/rcan.py` with fewer groups and blocks.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.rcan import RCAN
from benchmark.methods.method import Method

METHOD = Method(
    "rcan_s",
    "RCAN-s",
    "Zhang et al., ECCV 2018 (smaller)",
    partial(RCAN, groups=4, blocks=5),
    uses_references=False,
    trained=True,
)

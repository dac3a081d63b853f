"""RRDBNet-s, for a CPU budget: 8 blocks of 48 features.

Paper: X. Wang, K. Yu, S. Wu, J. Gu, Y. Liu, C. Dong, Y. Qiao, C. C. Loy, "ESRGAN: Enhanced
super-resolution generative adversarial networks", ECCV Workshops 2018.
Origin: `baselines/rrdbnet.py`, narrower and shorter.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.rrdbnet import RRDBNet
from benchmark.methods.method import Method

METHOD = Method(
    "rrdbnet_s",
    "RRDBNet-s",
    "Wang et al., ECCVW 2018 (smaller)",
    partial(RRDBNet, width=48, blocks=8, growth=24),
    uses_references=False,
    trained=True,
)

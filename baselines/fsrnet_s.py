"""FSRNet-s, for a CPU budget: 24 features, and fewer blocks where the image is large.

Paper: Y. Chen, Y. Tai, X. Liu, C. Shen, J. Yang, "FSRNet: End-to-end learning face super-resolution
with facial priors", CVPR 2018.
Origin: `baselines/fsrnet.py`, narrower, without its prior branch.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.fsrnet import FSRNet
from benchmark.methods.method import Method

METHOD = Method(
    "fsrnet_s",
    "FSRNet-s",
    "Chen et al., CVPR 2018 (smaller, without prior)",
    partial(FSRNet, width=24, coarse=1, encoder=10, decoder=1),
    uses_references=False,
    trained=True,
)

"""SwinIR-light, the paper's own small size: 4 groups of 6 layers, 60 features.

Paper: J. Liang, J. Cao, G. Sun, K. Zhang, L. Van Gool, R. Timofte, "SwinIR: Image restoration using
Swin Transformer", ICCV Workshops 2021.
Origin: `baselines/swinir.py`; 897 K parameters at x4, as published (position biases not counted).
It fits a CPU budget as it is, so there is no smaller one.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.swinir import SwinIR
from benchmark.methods.method import Method

METHOD = Method(
    "swinir_light",
    "SwinIR-light",
    "Liang et al., ICCVW 2021",
    partial(SwinIR, width=60, groups=4, light=True),
    uses_references=False,
    trained=True,
)

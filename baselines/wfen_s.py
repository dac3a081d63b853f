"""WFEN-s, for a CPU budget: 16 features at 128, transformers from 32 down.

Paper: W. Li, H. Guo, X. Liu, K. Liang, J. Hu, Z. Ma, J. Guo, "Efficient face super-resolution via
wavelet-based feature enhancement network", ACM Multimedia 2024.
Origin: `baselines/wfen.py`, narrower, convolutions where the image is large.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.wfen import WFEN
from benchmark.methods.method import Method

METHOD = Method(
    "wfen_s",
    "WFEN-s",
    "Li et al., ACM MM 2024 (in kind, smaller)",
    partial(WFEN, width=16, depth=1, attention=(32,)),
    uses_references=False,
    trained=True,
)

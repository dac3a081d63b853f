"""CTCNet-s, for a CPU budget: 12 features at 128, transformers from 32 down.

Paper: G. Gao, Z. Xu, J. Li, J. Yang, T. Zeng, G.-J. Qi, "CTCNet: A CNN-transformer cooperation
network for face image super-resolution", IEEE Trans. on Image Processing 32, 2023.
Origin: `baselines/ctcnet.py`, narrower, structure attention alone where the image is large.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines.ctcnet import CTCNet
from benchmark.methods.method import Method

METHOD = Method(
    "ctcnet_s",
    "CTCNet-s",
    "Gao et al., TIP 2023 (in kind, smaller)",
    partial(CTCNet, width=12, middle=3, attention=(32,)),
    uses_references=False,
    trained=True,
)

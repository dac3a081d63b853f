"""SPARNet-s, for a CPU budget: half the features, 6 units in the body.

Paper: C. Chen, D. Gong, H. Wang, Z. Li, K.-Y. K. Wong, "Learning spatial attention for face
super-resolution", IEEE Trans. on Image Processing 30, 2021.
Origin: `baselines/sparnet.py`, narrower and shorter.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from functools import partial

from baselines._perceptual import IDEA, Perceptual
from baselines.sparnet import SPARNet
from benchmark.methods.method import Method, Variant

BUILD = partial(SPARNet, least=16, most=64, body=6, attention=32)
METHOD = Method(
    "sparnet_s",
    "SPARNet-s",
    "Chen et al., TIP 2021 (smaller)",
    BUILD,
    uses_references=False,
    trained=True,
    scales=(4, 8, 16),
    variants=(Variant("perceptual", BUILD, False, IDEA, Perceptual),),
)

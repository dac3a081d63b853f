"""ESRGAN-s, a perceptual row: RRDBNet-s against a discriminator, sized for a CPU budget.

Paper: X. Wang, K. Yu, S. Wu, J. Gu, Y. Liu, C. Dong, Y. Qiao, C. C. Loy, "ESRGAN: Enhanced
super-resolution generative adversarial networks", ECCV Workshops 2018.
Origin: re-implemented from the paper, ESRGAN in kind: relativistic average loss beside L1.
Differences: no loss on VGG features, whose weights would have to be fetched, so L1 keeps its full
weight; a small discriminator; the adversarial share grows from nothing in place of a training on L1
before. The last weights are kept: PSNR would choose those least adversarial. It looks sharper and
scores lower: compare it by LPIPS and identity, never by PSNR.
Code licence: Apache-2.0 (this project). Weights: trained by the user.
"""

from __future__ import annotations

from baselines._adversarial import Adversarial
from baselines.rrdbnet_s import METHOD as RRDBNET
from benchmark.methods.method import Method

METHOD = Method(
    "esrgan_s",
    "ESRGAN-s",
    "Wang et al., ECCVW 2018 (in kind, smaller)",
    RRDBNET.build,
    uses_references=False,
    trained=True,
    criterion=Adversarial,
)

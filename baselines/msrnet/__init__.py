"""MSRNet: the method of this project, which learns from its errors on other people's faces.

Paper: R. Wang, M. Jian, H. Yu, L. Wang, B. Yang, "Face hallucination using multisource references
and cross-scale dual residual fusion mechanism", Int. J. of Intelligent Systems 37(11), 2022,
9982-10000, doi 10.1002/int.23024. Only the abstract is public.
Origin: a reconstruction from the abstract; `baselines/msrnet/network.py` says what is ours.
Code licence: Apache-2.0 (this project). Weights: trained by the user; terms of the training data.
"""

from __future__ import annotations

from functools import partial

from baselines._perceptual import IDEA, RAMP, Perceptual
from baselines.msrnet.network import MSRNet, Parts
from benchmark.methods.method import Method, Variant


def _with(name: str, idea: str, parts: Parts) -> Variant:
    return Variant(name, partial(MSRNet, parts=parts), idea=idea)


VARIANTS = (
    _with("no-internal", "no attention of the face to itself", Parts(internal=False)),
    _with("no-error", "references without the error on them", Parts(error=False)),
    _with("no-summary", "no means over all references", Parts(summary=False)),
    _with("no-regression", "errors are gathered, not fitted", Parts(regression=False)),
    _with("no-gather", "errors are fitted, not gathered", Parts(gather=False)),
    _with("no-worlds", "trained on faces as they are alone", Parts(worlds=False)),
    # Its loss is called twice a step: for the trunk, and for what references change.
    Variant("perceptual", MSRNet, True, IDEA, partial(Perceptual, ramp=2 * RAMP)),
)

METHOD = Method(
    "msrnet",
    "MSRNet",
    "Wang et al., IJIS 2022 (reconstruction)",
    MSRNet,
    uses_references=True,
    trained=True,
    variants=VARIANTS,
)

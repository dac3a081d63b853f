"""MSRNet, the method of this project.

Paper: R. Wang, M. Jian, H. Yu, L. Wang, B. Yang, "Face hallucination using multisource references
and cross-scale dual residual fusion mechanism", Int. J. of Intelligent Systems 37(11), 2022,
9982-10000, doi 10.1002/int.23024. Only the abstract is public.
Origin: a reconstruction from the abstract; `baselines/msrnet/network.py` says what is ours.
Code licence: Apache-2.0 (this project). Weights: trained by the user; terms of the training data.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from baselines.msrnet.ablation import ablations
from baselines.msrnet.network import Block, MSRNet, Parts
from baselines.sparnet import Unit
from benchmark.methods.method import Method, Variant


def _with(name: str, idea: str, parts: Parts) -> Variant:
    return Variant(name, partial(MSRNet, parts=parts), parts.external, idea)


def _attentive(name: str, idea: str, parts: Parts) -> Variant:
    """With SPARNet's face attention units as its blocks."""
    return Variant(name, partial(MSRNet, parts=parts, block=_unit), parts.external, idea)


def _unit(width: int, side: int) -> nn.Module:
    # At 128 attention would cost as much as all the rest.
    return Block(width, side) if side > 64 else Unit(width, width, "", side, 32)


VARIANTS = (
    _with("no-external", "trained without references", Parts(external=False)),
    _with("no-internal", "no attention of the face to itself", Parts(internal=False)),
    _with("no-exchange", "scales of the references do not exchange", Parts(exchange=False)),
    _with("no-dual-residual", "one convolution fuses, no residuals", Parts(fusion="merge")),
    _with("no-remap", "references keep their own tone", Parts(tone="own")),
    _with(
        "neutral-tone", "face and references in one tone: easier to match", Parts(tone="neutral")
    ),
    _with("no-confidence", "the fusion trusts whatever was found: S = 1", Parts(confidence=False)),
    _with("no-detail", "no raw detail of references: what is wrong with it?", Parts(detail=False)),
    _with("near", "matches only near their place: fewer by chance", Parts(reach=3)),
    _with("soft", "mean of all cells near instead of the best match", Parts(matching="soft")),
    _with("added", "references only add to a whole network of K = 0", Parts(fusion="added")),
    _attentive(
        "attentive",
        "near and added on SPARNet's units: a stronger body",
        Parts(fusion="added", reach=3),
    ),
    _attentive(
        "attentive-no-external", "the same body, trained without references", Parts(external=False)
    ),
)

METHOD = Method(
    "msrnet",
    "MSRNet",
    "Wang et al., IJIS 2022 (reconstruction)",
    MSRNet,
    uses_references=True,
    trained=True,
    variants=VARIANTS,
    ablations=ablations,
)

"""Ablations of a trained MSRNet: what does each part do for it?

Nothing is trained again, and a network trained without a part makes up for it: that is what the
variants of the method are for. This says in minutes which parts a trained network depends on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from torch import nn

from baselines.msrnet.network import MSRNet, Parts
from benchmark.methods.method import Ablation, Method
from benchmark.methods.registry import load_method

OWNER = "msrnet"
"""The method whose variants say what can be changed."""


def ablations(method: Method, trained: nn.Module) -> Iterator[Ablation]:
    """`trained`, of `method`, with what each variant of MSRNet changes, where its parameters do.

    Left out are changes that need parameters which `trained` lacks, those that leave it as it is,
    and that to no references, which is K = 0. Nothing for another network than MSRNet.
    """
    if not isinstance(trained, MSRNet):
        return
    for variant in load_method(OWNER).variants:
        parts = _applied(variant.build.keywords["parts"], trained.parts)  # pyright: ignore
        if parts != trained.parts and parts.external:
            model = taken_over(method.build(parts=parts), trained)  # pyright: ignore
            if model is not None:
                yield Ablation(variant.name, variant.idea, model)


def _applied(variant: Parts, to: Parts) -> Parts:
    """`to`, with what `variant` has otherwise than the whole."""
    whole = Parts()
    names = [field.name for field in fields(Parts)]
    other = {name: getattr(variant, name) for name in names}
    changed = {name: value for name, value in other.items() if value != getattr(whole, name)}
    if changed.get("matching") == "soft":
        changed["reach"] = None
    return replace(to, **changed)


def taken_over(model: nn.Module, trained: nn.Module) -> nn.Module | None:
    """`model` in evaluation mode with parameters of `trained` by their names.

    None where it has a parameter that `trained` lacks, or one of another shape.
    """
    own, known = model.state_dict(), trained.state_dict()
    if any(name not in known or known[name].shape != value.shape for name, value in own.items()):
        return None
    model.load_state_dict({name: known[name] for name in own})
    return model.eval()

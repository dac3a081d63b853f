"""A method's network with its weights, as something to call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from benchmark.memory.adaptation import Adaptation
from benchmark.methods.checks import need_inputs
from benchmark.methods.method import Method
from benchmark.protocol.tasks import HR_SIZE, SCALE
from faceref.errors import FaceRefError


class Model(nn.Module):
    """A method's network with its weights, in evaluation mode.

    Call it as the method is called, `model(lr, refs)`; without `refs` it is given none. A network
    of one's own needs no such wrapper: any module with the same `forward` is evaluated and used.

    Attributes:
        method: What the network is of.
        sha256: Of the file of weights; empty for a method without.
        scale: By how much it super-resolves; LR faces have 128 / scale pixels a side.
        facts: What a file of its weights says of it: method, training, adaptation.
    """

    def __init__(
        self,
        method: Method,
        network: nn.Module,
        sha256: str = "",
        scale: int = SCALE,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.method, self.network = method, network.eval()
        self.sha256, self.scale, self.facts = sha256, scale, dict(facts or {})

    @property
    def adaptation(self) -> Adaptation | None:
        """To which pool it was adapted, and how; None for a network as trained."""
        return Adaptation.of(self.facts)

    def given(self, wanted: int) -> int:
        """How many of `wanted` references it is given; an adapted one as many as it was then."""
        adapted = self.adaptation
        return self.method.given(wanted) if adapted is None else adapted.references

    def forward(self, lr: Tensor, refs: Tensor | None = None) -> Tensor:
        """Super-resolve faces.

        Args:
            lr: LR faces, (N, 3, 16, 16) at x8, float32 RGB in [0, 1].
            refs: References of each face, (N, K, 3, 128, 128), float32 RGB in [0, 1].

        Returns:
            (N, 3, 128, 128), float32 RGB, near [0, 1] and not clamped.

        Raises:
            FaceRefError: For other shapes, for integers, and for colours from 0 to 255.
        """
        if not torch.compiler.is_compiling():
            need_inputs(lr, refs, self.scale)
        if refs is None:
            refs = lr.new_zeros(len(lr), 0, 3, HR_SIZE, HR_SIZE)
        return self.network(lr, refs)

    def relevance(self, lr: Tensor, refs: Tensor) -> Tensor | None:
        """What share each cell takes from each reference, (N, K, 32, 32); None if unknown.

        The shares of a cell sum up to 1.
        """
        found = getattr(self.network, "relevance", None)
        return None if found is None else found(lr, refs)

    def extra_repr(self) -> str:
        """What `repr` shows beside the network."""
        return f"{self.method.name}, x{self.scale}, sha256={self.sha256[:12] or None}"


def given_count(model: nn.Module, wanted: int) -> int:
    """How many of `wanted` references a module of `as_method` is given."""
    if isinstance(model, WithoutReferences):
        return 0
    return model.given(wanted) if isinstance(model, Model) else wanted


def as_method(module: object) -> nn.Module:
    """A module, called as methods are.

    One whose `forward` takes one argument is called with the LR faces alone. Raises FaceRefError
    for what is no module.
    """
    if not isinstance(module, nn.Module):
        raise FaceRefError(
            f"{type(module).__name__!r} is no torch module. Give one with forward(lr, refs) or "
            "forward(lr)."
        )
    known = inspect.signature(module.forward).parameters.values()
    places = [one for one in known if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = [one for one in places if one.default is one.empty]
    if len(needed) > 2:
        names = ", ".join(one.name for one in needed)
        raise FaceRefError(
            f"{type(module).__name__}.forward needs ({names}); a method takes (lr, refs) or (lr)."
        )
    return WithoutReferences(module) if len(places) == 1 else module


class WithoutReferences(nn.Module):
    """Calls a module whose `forward` takes the LR face alone as methods are called."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """The module's output for `lr`; `refs` are not looked at."""
        return self.module(lr)

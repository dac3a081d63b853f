from __future__ import annotations

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.methods.resample import downsample, upsample


class Both(nn.Module):
    """Up, and down again."""

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, 16, 16)."""
        return downsample(upsample(image, 8), 4)


def test_compiled_it_gives_the_same():
    image, graphs = torch.rand(2, 3, 16, 16), []

    def look(graph: torch.fx.GraphModule, _inputs: object) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    made = torch.compile(Both(), backend=look, fullgraph=True)(image)
    assert len(graphs) == 1
    assert torch.allclose(made, Both()(image), rtol=0, atol=1e-6)


def test_compiled_for_a_gpu_it_takes_no_step_on_the_cpu():
    with FakeTensorMode():
        image = torch.empty(2, 3, 16, 16, device="cuda")
        traced = torch.export.export(Both(), (image,), strict=True)
    found = [node.meta.get("val") for node in traced.graph.nodes]
    assert {value.device.type for value in found if isinstance(value, Tensor)} == {"cuda"}

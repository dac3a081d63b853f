import torch

from benchmark.methods.resample import downsample, upsample

Nodes = list[str]


def test_a_compiled_network_resamples_without_a_step_on_the_cpu_that_it_need_not_take():
    seen: Nodes = []

    def look(graph: torch.fx.GraphModule, _inputs: object) -> torch.fx.GraphModule:
        seen.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    def both(image: torch.Tensor) -> torch.Tensor:
        return downsample(upsample(image, 8), 8)

    image = torch.rand(1, 3, 16, 16)
    made = torch.compile(both, backend=look, fullgraph=True)(image)
    assert torch.equal(made, both(image))
    assert any("arange" in name for name in seen)
    assert not [name for name in seen if "as_tensor" in name or name == "to"]


def test_what_inference_kept_can_be_trained_through():
    with torch.inference_mode():
        upsample(torch.rand(1, 3, 11, 11), 4)
    image = torch.rand(1, 3, 11, 11, requires_grad=True)
    upsample(image, 4).sum().backward()
    assert image.grad is not None
    assert torch.allclose(image.grad.sum(), torch.tensor(3 * 44.0 * 44.0))

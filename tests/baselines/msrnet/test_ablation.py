"""Parts of a trained network changed: which can be, and that nothing else changes."""

import pytest
import torch
from torch import nn

from baselines.msrnet.ablation import ablations, taken_over
from baselines.msrnet.network import MSRNet
from benchmark.methods.registry import load_method


@pytest.fixture(scope="module")
def trained() -> MSRNet:
    """An MSRNet none of whose parameters is zero, so that every part does something."""
    torch.manual_seed(0)
    model = load_method("msrnet").build()
    assert isinstance(model, MSRNet)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model.eval()


@torch.no_grad()
def _output(model: nn.Module) -> torch.Tensor:
    made = torch.Generator().manual_seed(1)
    lr = torch.rand(1, 3, 16, 16, generator=made)
    return model(lr, torch.rand(1, 2, 3, 128, 128, generator=made))


def test_every_change_changes_the_output_and_keeps_the_parameters(trained: MSRNet):
    whole, known = _output(trained), trained.state_dict()
    found = {change.name: change.model for change in ablations(load_method("msrnet"), trained)}
    assert {"no-internal", "no-exchange", "no-dual-residual", "no-remap", "near"} < set(found)
    assert not {"no-external", "added", "attentive"} & set(found), "they have parameters of theirs"
    for name, model in found.items():
        assert all(torch.equal(v, known[n]) for n, v in model.state_dict().items()), name
        assert not torch.equal(_output(model), whole), name


def test_a_variant_keeps_what_it_is_when_another_part_is_changed():
    method = load_method("msrnet-attentive")
    model = method.build()
    found = {change.name: change.model for change in ablations(method, model)}
    assert "near" not in found, "it is near already"
    changed = found["no-confidence"]
    assert isinstance(changed, MSRNet)
    assert (changed.parts.reach, changed.parts.fusion) == (3, "added")
    assert not changed.parts.confidence


def test_other_networks_have_no_such_parts():
    assert list(ablations(load_method("ttsr_s"), load_method("ttsr_s").build())) == []


def test_parameters_that_are_not_there_are_not_made_up(trained: MSRNet):
    assert taken_over(load_method("edsr").build(), trained) is None

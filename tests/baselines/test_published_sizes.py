"""Sizes that papers and public measurements state, reached by our networks."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from baselines.fsrnet import PRIORS, FSRNet
from baselines.rcan import RCAN
from baselines.rrdbnet import RRDBNet
from baselines.swinir import SwinIR
from tests.baselines.sizes import SIZES


@pytest.fixture(autouse=True)
def shapes_alone():
    """Builds networks without their weights' memory."""
    with FakeTensorMode():
        yield


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_rcan_has_15_59_million_parameters_at_x4():
    assert _count(RCAN(scale=4)) / 1e6 == pytest.approx(15.59, abs=0.005)


def test_rrdbnet_has_16_70_million_parameters_at_x4():
    assert _count(RRDBNet(scale=4)) == 16_697_987


def test_swinir_has_11_9_million_parameters_at_x4():
    assert _count(SwinIR(scale=4)) / 1e6 == pytest.approx(11.90, abs=0.005)


def test_swinir_light_has_897_thousand_parameters_at_x4():
    model = SwinIR(width=60, groups=4, light=True, scale=4)
    # The paper leaves out the tables of position biases, which its code also trains.
    tables = sum(p.numel() for name, p in model.named_parameters() if "position" in name)
    assert (_count(model) - tables) / 1e6 == pytest.approx(0.897, abs=0.0005)


def test_vdsr_has_665_thousand_parameters_but_for_colour():
    colour = 2 * (64 * 9) * 2 + 2
    assert (SIZES["vdsr"].parameters - colour) / 1e6 == pytest.approx(0.6659, abs=0.0005)


def test_sparnet_has_10_52_million_parameters_and_7_1_giga_macs():
    assert SIZES["sparnet"].parameters / 1e6 == pytest.approx(10.52, abs=0.005)
    assert SIZES["sparnet"].macs / 1e9 == pytest.approx(7.1, abs=0.05)


def test_fsrnet_s_prior_estimates_maps_at_half_size():
    prior = FSRNet(hourglasses=2).eval().prior
    assert prior is not None
    assert prior(torch.rand(1, 3, 128, 128)).shape == (1, PRIORS, 64, 64)

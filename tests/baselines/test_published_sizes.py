"""Sizes that papers and public measurements state, reached by our networks."""

import pytest
import torch
from torch import nn

from baselines.rcan import RCAN
from baselines.sparnet import SPARNet
from baselines.swinir import SwinIR
from baselines.vdsr import VDSR
from benchmark.evaluate import count_macs


def _millions(model: nn.Module) -> float:
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6


def _giga_macs(model: nn.Module) -> float:
    return count_macs(model.eval(), torch.rand(1, 3, 16, 16), torch.zeros(1, 0, 3, 128, 128)) / 1e9


def test_rcan_has_15_59_million_parameters_at_x4():
    assert _millions(RCAN(scale=4)) == pytest.approx(15.59, abs=0.005)


def test_swinir_has_11_9_million_parameters_at_x4():
    assert _millions(SwinIR(scale=4)) == pytest.approx(11.90, abs=0.005)


def test_swinir_light_has_897_thousand_parameters_at_x4():
    model = SwinIR(width=60, groups=4, light=True, scale=4)
    # The paper leaves out the tables of position biases, which its code also trains.
    tables = sum(p.numel() for name, p in model.named_parameters() if "position" in name)
    assert _millions(model) - tables / 1e6 == pytest.approx(0.897, abs=0.0005)


def test_vdsr_has_665_thousand_parameters_but_for_colour():
    colour = 2 * (64 * 9) * 2 + 2
    assert _millions(VDSR()) - colour / 1e6 == pytest.approx(0.6659, abs=0.0005)


def test_sparnet_has_10_52_million_parameters_and_7_1_giga_macs():
    model = SPARNet()
    assert _millions(model) == pytest.approx(10.52, abs=0.005)
    assert _giga_macs(model) == pytest.approx(7.1, abs=0.05)

"""How MSRNet learns to use references: a batch is an episode of faces that are each other's.

Each batch is brought into one world (`worlds.py`), super-resolved once by the trunk as it is in
use, and each of its faces is given some of the others as references: their errors are known.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.msrnet2.network import MSRNet
from baselines.msrnet2.worlds import draw_world, shrink


def episode_loss(model: MSRNet, hr: Tensor, people: Tensor) -> Tensor:
    """The L1 loss of HR faces (N, 3, 128, 128) with other faces of them as references.

    `people` (N,) are numbers of persons: nobody is his own reference. The trunk does not learn.
    """
    hr = draw_world(hr.device)(hr)
    training = model.trunk.training
    model.trunk.eval()
    with torch.no_grad():
        look = model.trunk.look(shrink(hr)).detach()
        refs = model.references(look, hr)
    model.trunk.train(training)
    other = (people[:, None] != people[None]).float().to(hr.device)
    weight = draw_references(other)
    change = model.change_each_other(look, refs, weight, other)
    return F.l1_loss(look.sr + change, hr)


def draw_references(other: Tensor) -> Tensor:
    """Which faces each face has as references: 1 or 0, (N, N); as many for each, if there are.

    `other` (N, N) is 1 where two faces are of different people.
    """
    count = int(torch.randint(1, max(2, len(other)), ()))
    drawn = torch.rand(other.shape).to(other.device).masked_fill(other == 0, 2)
    return ((drawn.argsort(1).argsort(1) < count) & (other > 0)).float()

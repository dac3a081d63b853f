"""A network's mistakes are named before it is trained."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from benchmark.methods.checks import need_working
from benchmark.methods.method import Method
from benchmark.methods.registry import load_method
from benchmark.methods.resample import upsample
from faceref.errors import FaceRefError

CPU = torch.device("cpu")


class Good(nn.Module):
    """Upsamples, with a layer that drops at random."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.5))

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """To 128x128."""
        return self.layer(upsample(lr, 8)) + torch.rand(1)


class LrAlone(Good):
    """Lacks the references."""

    def forward(self, lr: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """To 128x128."""
        return upsample(lr, 8)


class TooSmall(Good):
    """Gives 64x64."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """To 64x64."""
        return upsample(lr, 4)


class MeanOfNone(Good):
    """Averages references, also where there are none."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """To 128x128."""
        return upsample(lr, 8) + refs.mean(1)


class Fails(Good):
    """Adds what does not fit."""

    def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
        """Never."""
        return lr + refs[:, 0]


def _method(network: type[nn.Module], uses: bool = True) -> Method:
    return Method("mynet", "MyNet", "none", network, uses, True)


def test_a_network_that_works_is_left_as_it_was():
    network = Good().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    need_working(_method(Good), network, 8, CPU)
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (LrAlone, r"mynet fails when its forward\(lr, refs\) is given .*TypeError.*from 0 up"),
        (TooSmall, r"K = 0 references: The network gave \(2, 3, 64, 64\).*\(2, 3, 128, 128\)"),
        (MeanOfNone, r"K = 0 references: .*not finite.*mean over no references"),
        (Fails, r"IndexError.*test_checks\.py, line \d+\)"),
    ],
)
def test_what_a_network_does_wrong_is_said_with_the_line(network: type[nn.Module], message: str):
    with pytest.raises(FaceRefError, match=message):
        need_working(_method(network), network(), 8, CPU)


def test_a_method_is_tried_with_as_many_references_as_it_can_be_given():
    seen: list[int] = []

    class Counting(Good):
        def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
            seen.append(refs.shape[1])
            return super().forward(lr, refs)

    limited = replace(_method(Counting), needs_references=True, most_references=1)
    need_working(limited, Counting(), 8, CPU)
    assert set(seen) == {1}
    assert [*limited.counts(5)] == [1]
    assert [*_method(Good).counts(2)] == [0, 1, 2]
    assert [*_method(Good, uses=False).counts(2)] == [0]


def test_a_method_without_references_is_tried_with_none():
    with pytest.raises(FaceRefError, match="K = 0"):
        need_working(_method(MeanOfNone, uses=False), MeanOfNone(), 8, CPU)
    method = load_method("srcnn")
    need_working(method, method.build(), 8, CPU)

"""The network of a face's size."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import benchmark
from benchmark.memory.adaptation import KEY, Adaptation
from benchmark.methods.model import Model
from benchmark.methods.resample import upsample
from benchmark.training.export import load_model
from benchmark.upscaling.networks import LIMITS, Network, choose, open_networks
from faceref.errors import FaceRefError


class Bicubic(nn.Module):
    """Upsamples LR faces."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        """To 128x128."""
        return upsample(lr, self.scale)


def _networks(*scales: int) -> dict[int, Network]:
    return open_networks(map(Bicubic, scales), 5, torch.device("cpu"))


def _chosen(size: float, *scales: int) -> int | str:
    found = choose(size, _networks(*scales))
    return found.scale if isinstance(found, Network) else found


def test_a_face_has_the_network_of_its_size():
    both = (4, 8)
    assert [_chosen(size, *both) for size in (12, LIMITS[8] + 0.4, LIMITS[8] + 0.6)] == [8, 8, 4]
    assert _chosen(LIMITS[4], *both) == 4
    assert _chosen(LIMITS[4] + 1, *both) == f"{LIMITS[4] + 1} px: sharp already"


def test_with_one_network_the_other_is_missed_only_where_it_would_be_used():
    assert _chosen(40, 8) == "40 px: needs weights for x4"
    assert _chosen(LIMITS[4] + 1, 8) == f"{LIMITS[4] + 1} px: sharp already"
    assert _chosen(12, 4) == 4


@pytest.mark.parametrize(("factor", "said"), [(255, "mean of"), (torch.nan, "not finite")])
def test_what_gives_no_faces_is_an_error_and_no_picture(factor: float, said: str):
    class Wrong(Bicubic):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            return super().forward(lr) * factor

    upscaler = benchmark.Upscaler(Wrong(8), aligned=True)
    with pytest.raises(FaceRefError, match=said):
        upscaler(np.full((16, 16, 3), 200, np.uint8))


def test_networks_of_no_use_or_twice_are_errors():
    with pytest.raises(FaceRefError, match=r"Two networks of x8: give one of x8, x4, or one of"):
        _networks(8, 8)
    with pytest.raises(FaceRefError, match=r"scale 16 is of no use"):
        _networks(16)
    with pytest.raises(FaceRefError, match="No network"):
        _networks()


def test_what_has_no_file_may_be_another_today():
    plain = load_model("bicubic")
    how = Adaptation("memory", "x", "folder", 9, True, 0, None, 1.0)
    adapted = Model(plain.method, plain.network, facts={KEY: json.dumps(how.as_json())})
    found = [
        open_networks([one], 0, torch.device("cpu"))[8].provenance()["weights_sha256"]
        for one in (plain, adapted, Bicubic(8))
    ]
    assert found == ["", None, None]

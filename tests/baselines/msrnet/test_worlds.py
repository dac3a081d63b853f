import numpy as np
import torch

from baselines.msrnet.worlds import draw_references, draw_world, shrink, to_levels
from benchmark.methods.resample import upsample
from benchmark.protocol.degradation import degrade


def _faces(count: int) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(0)
    return to_levels(upsample(torch.rand(count, 3, 16, 16, generator=drawn), 8))


def _worlds(count: int) -> list[torch.Tensor]:
    found = []
    for seed in range(count):
        torch.manual_seed(seed)
        found.append(draw_world(torch.device("cpu"))(_faces(2)))
    return found


def test_a_face_is_made_small_as_the_protocol_makes_it():
    hr = _faces(4)
    pixels = hr.permute(0, 2, 3, 1).mul(255).round().byte().numpy()
    wanted = np.stack([degrade(face) for face in pixels])
    found = shrink(hr).permute(0, 2, 3, 1).mul(255).round().numpy()
    apart = np.abs(found - wanted)
    assert apart.max() <= 2
    assert (apart > 0).mean() < 0.25


def test_a_world_is_one_change_for_all_faces_and_some_are_plain():
    torch.manual_seed(0)
    plain = 0
    for _ in range(30):
        world = draw_world(torch.device("cpu"))
        both = world(_faces(2))
        assert torch.allclose(both[1:], world(_faces(2)[1:]), atol=1 / 255 + 1e-6)
        plain += torch.equal(both, _faces(2))
    assert 4 <= plain <= 22


def test_worlds_have_256_levels_and_depend_on_the_seed_alone():
    first, again = _worlds(12), _worlds(12)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for faces in first:
        assert torch.isfinite(faces).all()
        assert torch.equal(to_levels(faces), faces)
    assert len({float(faces.mean()) for faces in first}) > 5


def test_each_face_has_as_many_references_as_the_others():
    other = 1 - torch.eye(6)
    counts = set()
    for seed in range(40):
        torch.manual_seed(seed)
        weight = draw_references(other)
        assert (weight.diagonal() == 0).all()
        assert len(set(weight.sum(1).tolist())) == 1
        counts.add(int(weight.sum(1)[0]))
    assert counts == {1, 2, 3, 4, 5}

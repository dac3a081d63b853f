import pytest
import torch

from baselines.msrnet.errors import ERRORS, Gather, Regression

CELLS, WIDTH = 1024, 6


def _inputs(count: int, noise: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and errors that are a linear function of them, another in each cell."""
    drawn = torch.Generator().manual_seed(0)
    features = torch.randn(count, CELLS, WIDTH, generator=drawn)
    table = torch.randn(CELLS, WIDTH, ERRORS, generator=drawn)
    errors = torch.einsum("ncd,cdk->nck", features, table)
    return features, errors + noise * torch.randn(errors.shape, generator=drawn)


def _all(features: torch.Tensor) -> torch.Tensor:
    """Weights with which all but the first face count as references."""
    return torch.ones(1, len(features) - 1)


def _left(count: int) -> float:
    """Share of the error of one more face that is left after it was predicted from `count`."""
    features, errors = _inputs(count + 1)
    found = Regression(WIDTH)(features[:1], features[1:], errors[1:], _all(features)).errors
    return float((found - errors[:1]).square().mean() / errors[:1].square().mean())


@torch.no_grad()
def test_more_references_predict_more():
    left = [_left(count) for count in (8, 64, 400)]
    assert left == sorted(left, reverse=True)
    assert left[0] < 1
    assert left[-1] < 0.05


@torch.no_grad()
def test_it_is_the_bayesian_regression_by_the_book():
    features, errors = _inputs(31, 1.0)
    regression = Regression(WIDTH)
    cell = 517
    design = torch.cat([torch.ones(30, 1), features[1:, cell]], 1)
    asked = torch.cat([torch.ones(1), features[0, cell]])
    near = (10 * regression.near).exp().diag()
    found = regression(features[:1], features[1:], errors[1:], _all(features))
    doubt = asked @ torch.linalg.inv(design.T @ design + near) @ asked
    assert found.doubt[0, cell, 0] == pytest.approx(
        float(doubt / (asked @ torch.linalg.inv(near) @ asked)), rel=1e-4
    )


@torch.no_grad()
def test_what_is_not_predicted_on_others_does_not_count():
    features, errors = _inputs(40)
    noise = torch.randn(errors.shape, generator=torch.Generator().manual_seed(1))
    regression = Regression(WIDTH)
    true, random = (
        regression(features[:1], features[1:], each[1:], _all(features)) for each in (errors, noise)
    )
    assert true.trust.mean() > 0.9
    assert random.trust.mean() < 0.2


@torch.no_grad()
def test_faces_that_are_each_others_references_are_predicted_as_each_alone():
    features, errors = _inputs(7, 0.5)
    regression = Regression(WIDTH)
    other = 1 - torch.eye(7)
    together = regression.each_other(features, errors, other)
    alone = regression(features[:1], features[1:], errors[1:], _all(features))
    assert torch.allclose(together.doubt[0], alone.doubt[0], atol=1e-4)
    one, two = together.errors[0] / together.trust[0], alone.errors[0] / alone.trust[0]
    assert torch.allclose(one, two, atol=1e-3)


@torch.no_grad()
def test_in_training_too_trust_is_learnt_from_the_references_of_a_face_alone():
    features, errors = _inputs(9, 0.5)
    regression, weight = Regression(WIDTH), torch.zeros(9, 9)
    weight[0, 1:4] = weight[1:, 1:4] = 1
    weight.fill_diagonal_(0)
    one = regression.each_other(features, errors, weight).trust[0]
    errors[4:] = 3 * torch.randn(errors[4:].shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(one, regression.each_other(features, errors, weight).trust[0])
    weight[0, 2:] = 0
    nothing = regression.each_other(features, errors, weight).trust[0]
    believed = torch.sigmoid(10 * regression.belief).expand(nothing.shape)
    assert torch.allclose(nothing, believed, atol=1e-4)


@torch.no_grad()
def test_a_flat_head_gives_the_mean_and_a_reference_that_is_not_had_gives_nothing():
    gather = Gather(5, heads=1, reach=0)
    gather.sharpness.fill_(-10)
    gather.likeness.zero_()
    face, refs = torch.randn(1, CELLS, 5), torch.randn(3, CELLS, 5)
    values, weight = torch.randn(3, CELLS, 2), torch.tensor([[1.0, 0.0, 1.0]])
    found = gather(face, refs, values, weight, torch.zeros(1, 3))
    assert torch.allclose(found[0], values[[0, 2]].mean(0), atol=1e-4)


@torch.no_grad()
def test_a_sharp_head_finds_a_cell_beside_its_place():
    gather = Gather(8, heads=1, reach=1)
    gather.sharpness.fill_(0.6)
    ref = torch.randn(1, CELLS, 8, generator=torch.Generator().manual_seed(0))
    face = ref.unflatten(1, (32, 32)).roll((-1, 1), (1, 2)).flatten(1, 2)
    values = torch.arange(CELLS).view(1, CELLS, 1).float()
    found = gather(face, ref, values, torch.ones(1, 1), torch.zeros(1, 1))
    inner = found[0, :, 0].view(32, 32)[2:-2, 2:-2]
    wanted = values.view(32, 32).roll((-1, 1), (0, 1))[2:-2, 2:-2]
    assert (inner - wanted).abs().median() < 0.5


@torch.no_grad()
def test_a_face_that_is_not_its_reference_is_not_gathered_however_alike():
    gather = Gather(8, heads=1, reach=0)
    gather.sharpness.fill_(1.0)
    gather.likeness.fill_(5.0)
    faces, values = torch.randn(3, CELLS, 8), torch.randn(3, CELLS, 2)
    other = 1 - torch.eye(3)
    found = gather(faces, faces, values, other, torch.eye(3))
    changed = values.clone()
    changed[0] += 100
    again = gather(faces, faces, changed, other, torch.eye(3))
    assert torch.equal(found[0], again[0])


@torch.no_grad()
def test_a_face_without_references_gathers_nothing():
    faces, values = torch.randn(2, CELLS, 8), torch.randn(2, CELLS, 2)
    weight = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    found = Gather(8, heads=2, reach=1)(faces, faces, values, weight, torch.eye(2))
    assert (found[0] == 0).all()
    assert found[1].any()

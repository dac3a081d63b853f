from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from benchmark.data.batches import Batch, DeviceImages, Loader, plan_batch
from benchmark.data.faces import Faces, read_split
from benchmark.protocol.budgets import Budget
from benchmark.protocol.degradation import degrade
from faceref.dataset.face_ref import FaceRef

BUDGET = Budget("test", 1000, 6, 1e-3, 1, 1, 4, max_references=3)
CPU = torch.device("cpu")
GOLDEN = {
    "rows": [21, 6, 8, 12, 2, 5],
    "references": [[3, 4], [2, 1], [4, 1], [5, 2], [1, 9], [9, 0]],
    "mirrored": [0, 0, 0, 1, 0, 1],
    "mirrored_references": [[1, 1], [1, 1], [1, 0], [0, 0], [0, 1], [1, 1]],
}


def _train(face_ref: Path) -> Faces:
    opened = FaceRef.open(face_ref)
    return read_split(opened, "train", "both")


def _batch(faces: Faces, budget: Budget, seed: int, step: int) -> Batch:
    return DeviceImages(faces, CPU).gather(plan_batch(faces, budget, seed, step))


def _pixels(image: torch.Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).mul(255).round().byte().numpy()


def test_training_batches_depend_on_seed_and_step_alone(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    first, again = (_batch(faces, BUDGET, 0, 7) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = _batch(faces, BUDGET, 1, 7)
    assert not torch.equal(first[2], other[2])


def test_an_epoch_shows_every_face_once(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    calm = Budget("calm", 1000, 6, 1e-3, 1, 1, 4, flip=False)
    seen = torch.cat([_batch(faces, calm, 0, step)[2] for step in range(4)])
    known = torch.from_numpy(faces.hr).permute(0, 3, 1, 2).float().div(255)
    rows = [int((known - face).abs().flatten(1).sum(1).argmin()) for face in seen]
    assert sorted(rows) == list(range(24))


def test_the_number_of_references_varies_from_none_to_the_most(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    counts = {_batch(faces, BUDGET, 0, step)[1].shape[1] for step in range(40)}
    assert counts == {0, 1, 2, 3}


def test_a_mirrored_face_is_made_small_again(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    plan = plan_batch(faces, BUDGET, 0, 0)
    assert 0 < plan.mirrored.sum() < len(plan.mirrored)
    lr, _, hr = DeviceImages(faces, CPU).gather(plan)
    for row, mirrored, small, large in zip(plan.rows, plan.mirrored, lr, hr, strict=True):
        pixels = faces.hr[row][:, ::-1] if mirrored else faces.hr[row]
        assert np.array_equal(_pixels(large), pixels)
        assert np.array_equal(_pixels(small), degrade(np.ascontiguousarray(pixels)))


def test_references_are_those_of_the_plan(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    step = next(s for s in range(9) if plan_batch(faces, BUDGET, 0, s).references.shape[1] == 3)
    plan = plan_batch(faces, BUDGET, 0, step)
    refs = DeviceImages(faces, CPU).gather(plan)[1]
    assert refs.shape == (6, 3, 3, 128, 128)
    for face, place in np.ndindex(*plan.references.shape):
        image = faces.pool.images[plan.references[face, place]]
        shown = image[:, ::-1] if plan.mirrored_references[face, place] else image
        assert np.array_equal(_pixels(refs[face, place]), shown)
        assert plan.references[face, place] in faces.references[plan.rows[face]]


def test_plans_are_those_that_published_trainings_were_made_with(tiny_face_ref: Path):
    plan = plan_batch(_train(tiny_face_ref), BUDGET, 0, 3)
    assert plan.rows.tolist() == GOLDEN["rows"]
    assert plan.references.tolist() == GOLDEN["references"]
    assert plan.mirrored.astype(int).tolist() == GOLDEN["mirrored"]
    assert plan.mirrored_references.astype(int).tolist() == GOLDEN["mirrored_references"]


def test_references_are_as_many_as_a_method_can_be_given(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    plans = [plan_batch(faces, BUDGET, 0, step, range(1, 3)) for step in range(20)]
    assert {plan.references.shape[1] for plan in plans} == {1, 2}


def test_shares_of_a_batch_make_up_the_batch(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    whole = _batch(faces, BUDGET, 0, 3)
    parts = []
    for rank in range(3):
        loader = Loader(faces, BUDGET, 0, CPU, share=(rank, 3))
        parts.append(loader.batch(3))
        loader.close()
    for place in range(3):
        assert torch.equal(torch.cat([part[place] for part in parts]), whole[place])


def test_a_loader_gives_the_batch_that_is_asked_for(tiny_face_ref: Path):
    faces = _train(tiny_face_ref)
    loader = Loader(faces, BUDGET, 0, CPU)
    for step in (0, 1, 5, 6):
        found, wanted = loader.batch(step), _batch(faces, BUDGET, 0, step)
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    loader.close()
    assert loader.stall > 0


def test_batches_are_prepared_by_one_thread_beside_those_of_the_step(tiny_face_ref: Path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        loader = Loader(_train(tiny_face_ref), BUDGET, 0, CPU)
        loader.batch(0)
        own = loader.thread.submit(torch.get_num_threads).result()
        loader.close()
        with ThreadPoolExecutor(1) as later:
            assert (own, later.submit(torch.get_num_threads).result()) == (1, 2)
    finally:
        torch.set_num_threads(before)

import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.mine import Faces, appearance, mine, open_search


def _faces(count: int, people: int, seed: int = 0, dims: int = 8) -> Faces:
    rng = np.random.default_rng(seed)
    vectors = normalise(rng.normal(size=(count, dims)))
    labels = np.array([f"p{person}" for person in rng.integers(0, people, count)])
    return Faces(np.array([f"{row:04d}" for row in range(count)]), labels, vectors, vectors)


def _brute(probes: Faces, pool: Faces, count: int, bound: float | None) -> list[list[str]]:
    found = []
    for row in range(len(probes)):
        scores = pool.vectors @ probes.vectors[row]
        likely = pool.embeddings @ probes.embeddings[row]
        allowed = [
            place
            for place in range(len(pool))
            if pool.identities[place] != probes.identities[row]
            and (bound is None or likely[place] <= bound)
        ]
        allowed.sort(key=lambda place: (-round(float(scores[place]), 4), pool.image_ids[place]))
        found.append([str(pool.image_ids[place]) for place in allowed[:count]])
    return found


@pytest.mark.parametrize("bound", [None, 0.7])
@pytest.mark.parametrize("people", [3, 40])
def test_mining_is_exact(bound: float | None, people: int):
    faces = _faces(300, people)
    pool = faces.take(np.arange(200))
    mined = mine(faces, pool, 5, bound, open_search(pool.vectors))
    assert [[name for name, _ in row] for row in mined] == _brute(faces, pool, 5, bound)


def test_ties_are_broken_by_id_even_beyond_the_first_fetch():
    count = 200
    vectors = np.tile(np.array([[1, 0]], np.float32), (count, 1))
    ids = np.array([f"{row:03d}" for row in np.random.default_rng(3).permutation(count)])
    labels = np.array([f"p{row}" for row in range(count)])
    faces = Faces(ids, labels, vectors, vectors)
    mined = list(mine(faces.take(np.array([0])), faces, 3, None, open_search(vectors)))
    others = sorted(set(ids.tolist()) - {ids[0]})
    assert [name for name, _ in mined[0]] == others[:3]


def test_a_probable_same_person_is_dropped_whatever_ranks():
    embeddings = normalise(np.array([[1, 0], [1, 0.05], [0, 1]], np.float32))
    looks = normalise(np.array([[1, 0], [1, 0], [0.5, 0.5]], np.float32))
    faces = Faces(np.array(["a", "b", "c"]), np.array(["x", "y", "z"]), embeddings, looks)
    found = next(mine(faces, faces, 2, 0.9, open_search(faces.vectors)))
    assert [name for name, _ in found] == ["c"]


def test_a_small_pool_gives_what_it_has():
    faces = _faces(4, 2, seed=5)
    for row, found in enumerate(mine(faces, faces, 8, None, open_search(faces.vectors))):
        others = sum(faces.identities != faces.identities[row])
        assert len(found) == others


def test_appearance_is_normalised_correlation():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (2, 16, 16, 3), dtype=np.uint8)
    brighter = np.stack([images[0], (images[0] + 20).astype(np.uint8)])
    vectors = appearance(brighter)
    assert vectors[0] @ vectors[1] == pytest.approx(1, abs=1e-5)
    centred = images - images.mean((1, 2), keepdims=True)
    expected = (centred[0] * centred[1]).sum() / np.sqrt(
        (centred[0] ** 2).sum() * (centred[1] ** 2).sum()
    )
    first, second = appearance(images)
    assert first @ second == pytest.approx(expected, abs=1e-5)


@pytest.mark.gpu
def test_cuda_finds_the_same():
    faces = _faces(500, 50)
    answers = [
        list(mine(faces, faces, 5, 0.8, open_search(faces.vectors, device)))
        for device in ("cpu", "cuda")
    ]
    assert answers[0] == answers[1]

from dataclasses import replace

import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.mining import mine as module
from faceref.mining.mine import Candidates, Limits, Mining, first_fetch, mine, same_person
from faceref.similarity.search import nearest_within, open_search

FREE = Limits()


def _faces(count: int, people: int, seed: int = 0, dims: int = 8) -> Candidates:
    rng = np.random.default_rng(seed)
    vectors = normalise(rng.normal(size=(count, dims)))
    labels = [f"p{person}" for person in rng.integers(0, people, count)]
    ids = [f"{row:04d}" for row in rng.permutation(count)]
    return Candidates.of(ids, labels, vectors, vectors)


def _brute(probes: Candidates, pool: Candidates, count: int, limits: Limits) -> list[list[str]]:
    found = []
    for row in range(len(probes)):
        scores = np.round(pool.vectors @ probes.vectors[row], 4)
        likely = pool.embeddings @ probes.embeddings[row]
        order = sorted(range(len(pool)), key=lambda k: (-scores[k], pool.image_ids[k]))
        names, groups = [], {probes.copies[row]}
        for place in order:
            if (
                pool.people[place] != probes.people[row]
                and pool.copies[place] not in groups
                and (limits.upper is None or likely[place] <= limits.upper)
            ):
                names.append(str(pool.image_ids[place]))
                groups.add(pool.copies[place])
        found.append(names[:count])
    return found


def _names(mined) -> list[list[str]]:
    return [[name for name, _ in row] for row in mined]


@pytest.mark.parametrize("limits", [FREE, Limits(0.7), Limits(0.8)])
@pytest.mark.parametrize("people", [3, 40])
def test_mining_is_exact(limits: Limits, people: int):
    faces = _faces(300, people)
    pool = faces.take(np.arange(200))
    mined = mine(faces, pool, 5, limits, open_search(pool.vectors))
    assert _names(mined) == _brute(faces, pool, 5, limits)


def test_blocks_and_widening_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch):
    faces = _faces(500, 12, seed=2)
    expected = list(mine(faces, faces, 5, Limits(0.6), open_search(faces.vectors)))
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(module, "FETCHED", 64)
    monkeypatch.setattr(module, "GATHER", 512)
    monkeypatch.setattr(module, "first_fetch", lambda pool, count: count)
    assert list(mine(faces, faces, 5, Limits(0.6), open_search(faces.vectors))) == expected
    assert _names(expected) == _brute(faces, faces, 5, Limits(0.6))


def test_ties_are_broken_by_id_even_beyond_the_first_fetch():
    count = 200
    vectors = np.tile(np.array([[1, 0]], np.float32), (count, 1))
    ids = [f"{row:03d}" for row in np.random.default_rng(3).permutation(count)]
    faces = Candidates.of(ids, [f"p{row}" for row in range(count)], vectors, vectors)
    probe = faces.take(np.array([0]))
    found = _names(mine(probe, faces, 3, FREE, open_search(vectors)))
    assert found[0] == sorted(set(ids) - {ids[0]})[:3]


def test_a_probable_same_person_is_dropped_whatever_ranks():
    embeddings = normalise(np.array([[1, 0], [1, 0.05], [0, 1]], np.float32))
    looks = normalise(np.array([[1, 0], [1, 0], [0.5, 0.5]], np.float32))
    faces = Candidates.of(["a", "b", "c"], ["x", "y", "z"], embeddings, looks)
    found = _names(mine(faces, faces, 2, Limits(0.9), open_search(faces.vectors)))
    assert found[0] == ["c"]


def test_copies_of_the_probe_are_no_references_and_a_list_holds_one_of_a_group():
    faces = replace(_faces(60, 30, seed=4), copies=np.arange(60) // 3)
    found = _names(mine(faces, faces, 6, FREE, open_search(faces.vectors)))
    assert found == _brute(faces, faces, 6, FREE)
    group = dict(zip(faces.image_ids.tolist(), faces.copies.tolist(), strict=True))
    for row, names in enumerate(found):
        groups = [group[name] for name in names]
        assert len(set(groups)) == len(groups) == 6
        assert faces.copies[row] not in groups


def test_a_small_pool_gives_what_it_has():
    faces = _faces(4, 2, seed=5)
    for row, found in enumerate(mine(faces, faces, 8, FREE, open_search(faces.vectors))):
        assert len(found) == sum(faces.people != faces.people[row])


def test_queries_may_be_of_another_kind_than_the_pool():
    faces = _faces(50, 50, seed=6)
    blind = replace(faces, vectors=faces.vectors[::-1].copy())
    found = _names(mine(blind, faces, 1, FREE, open_search(faces.vectors)))
    scores = faces.vectors @ blind.vectors.T
    scores[np.arange(50), np.arange(50)] = -2
    assert found == [[faces.image_ids[place]] for place in scores.argmax(0)]


def test_diversity_keeps_the_best_and_goes_far():
    faces = _faces(400, 400, seed=7)
    probe = faces.take(np.arange(20))
    search = open_search(faces.vectors)
    plain = list(mine(probe, faces, 12, FREE, search))
    spread = list(mine(probe, faces, 4, FREE, search, diversity=3))
    vectors = dict(zip(faces.image_ids.tolist(), faces.embeddings, strict=True))
    for candidates, chosen in zip(plain, spread, strict=True):
        names = [name for name, _ in candidates]
        picked = names[:1]
        while len(picked) < 4:
            near = {
                name: max(round(float(vectors[name] @ vectors[other]), 4) for other in picked)
                for name in names
                if name not in picked
            }
            picked.append(min(near, key=lambda name: near[name]))
        assert [name for name, _ in chosen] == sorted(picked, key=names.index)


def test_the_same_person_is_an_oracle_of_its_own():
    faces = replace(_faces(40, 6, seed=8), copies=np.arange(40) // 2)
    people = dict(zip(faces.image_ids.tolist(), faces.people.tolist(), strict=True))
    for row, found in enumerate(same_person(faces, 5)):
        scores = [score for _, score in found]
        assert scores == sorted(scores, reverse=True)
        assert {people[name] for name, _ in found} <= {faces.people[row]}
        rivals = (faces.people == faces.people[row]) & (faces.copies != faces.copies[row])
        assert len(found) == min(5, rivals.sum())


@pytest.mark.parametrize(
    "options",
    [{"references": 0}, {"max_similarity": 2.0}, {"diversity": 0}],
)
def test_options_that_make_no_sense(options: dict):
    with pytest.raises(FaceRefError, match=f"--{next(iter(options)).replace('_', '-')}"):
        Mining(**options)


@pytest.mark.gpu
def test_cuda_finds_the_same():
    faces = _faces(500, 50)
    answers = [
        list(mine(faces, faces, 5, Limits(0.8), open_search(faces.vectors, device)))
        for device in ("cpu", "cuda")
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("people", [3, 40])
def test_what_is_known_of_the_pool_is_widened_where_it_is_not_enough(people: int):
    faces = _faces(300, people)
    near = nearest_within(faces.vectors, first_fetch(faces, 5))
    mined = mine(faces, faces, 5, Limits(0.7), open_search(faces.vectors), near=near)
    assert _names(mined) == _brute(faces, faces, 5, Limits(0.7))

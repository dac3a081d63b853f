import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.mining.mine import Candidates, Limits, mine
from faceref.similarity.search import SearchRule, Use, open_ivf, open_search


def _people(people: int, each: int, dims: int = 32, noise: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = normalise(rng.normal(size=(people, dims)))
    vectors = (
        np.repeat(centres, each, 0) + noise * rng.normal(size=(people * each, dims)) / dims**0.5
    )
    return normalise(vectors)


def test_exact_search_is_that_of_numpy():
    vectors = _people(50, 4)
    scores, rows = open_search(vectors)(vectors[:7], 5)
    table = vectors[:7] @ vectors.T
    assert np.array_equal(rows, np.argsort(-table, 1)[:, :5])
    assert np.allclose(scores, -np.sort(-table, 1)[:, :5], atol=1e-5)


def test_inverted_file_reaches_the_recall_that_it_reports():
    vectors = _people(600, 10)
    rule = SearchRule("ivf", recall=0.95, sample=200, seed=3)
    people = np.arange(len(vectors)) // 10
    use = Use(8, 30, people, people)
    search, report = open_ivf(vectors, vectors, use, rule)
    assert 0.95 <= report["recall"] <= 1
    assert report["visited"] < report["lists"]
    everyone = np.arange(len(vectors))
    wanted = use.wanted(everyone, open_search(vectors)(vectors, 30)[1])
    assert (people[wanted] != people[:, None]).all()
    found = use.wanted(everyone, search(vectors, 30)[1])
    hits = sum(len(set(a) & set(b)) for a, b in zip(found, wanted, strict=True))
    assert hits / wanted.size == pytest.approx(report["recall"], abs=0.03)
    assert open_ivf(vectors, vectors, use, rule)[1] == report


def test_mining_by_an_inverted_file_obeys_the_same_rules():
    vectors = _people(300, 10)
    labels = [f"p{row // 10}" for row in range(len(vectors))]
    faces = Candidates.of([f"{row:05d}" for row in range(len(vectors))], labels, vectors, vectors)
    use = Use(8, 26, faces.people, faces.people)
    search, _ = open_ivf(vectors, vectors, use, SearchRule("ivf", sample=100))
    for row, found in enumerate(mine(faces, faces, 8, Limits(0.9), search)):
        assert len(found) == 8
        rows = [int(name) for name, _ in found]
        assert row // 10 not in {place // 10 for place in rows}
        assert np.allclose(vectors[rows] @ vectors[row], [s for _, s in found], atol=1e-4)


def test_auto_takes_exact_search_up_to_a_size():
    assert SearchRule().exact(500_000)
    assert not SearchRule().exact(500_001)
    assert not SearchRule("ivf").exact(10)


def test_an_unknown_index_is_named():
    with pytest.raises(FaceRefError, match=r"'hnsw'.*exact"):
        SearchRule("hnsw")

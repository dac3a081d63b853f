from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
import pytest

from faceref.embed.base import normalise
from faceref.errors import FaceRefError
from faceref.mining.mine import Candidates, Limits, mine
from faceref.similarity import search as module
from faceref.similarity.search import GPU_MOST, SearchRule, Use, open_ivf, open_search


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


class GpuIndex:
    """An index as faiss has it on a GPU: on the CPU, with the GPU's limits."""

    def __init__(self, index: Any) -> None:
        self.index, self.asked, self.visited = index, [], []

    def add(self, vectors: np.ndarray) -> None:
        """As of faiss."""
        self.index.add(vectors)

    @property
    def nprobe(self) -> int:
        """Lists that are visited."""
        return self.index.nprobe

    @nprobe.setter
    def nprobe(self, count: int) -> None:
        assert count <= GPU_MOST
        self.visited.append(count)
        self.index.nprobe = count

    def search(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As of faiss."""
        assert count <= GPU_MOST
        self.asked.append(count)
        return self.index.search(queries, count)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[GpuIndex]:
    """The indexes that are moved to a GPU, which this machine need not have."""
    moved: list[GpuIndex] = []

    def move(_resources: object, _device: int, index: Any) -> GpuIndex:
        moved.append(GpuIndex(index))
        return moved[-1]

    names = ("IndexFlatIP", "IndexIVFFlat", "METRIC_INNER_PRODUCT", "knn")
    known = {name: getattr(faiss, name) for name in names}
    fake = SimpleNamespace(
        **known, index_cpu_to_gpu=move, get_num_gpus=lambda: 1, StandardGpuResources=object
    )
    monkeypatch.setattr(module, "load_faiss", lambda: fake)
    return moved


def test_a_gpu_is_asked_for_no_more_neighbours_than_it_can_find(gpu: list[GpuIndex]):
    vectors = _people(300, 10)
    search, exact = open_search(vectors, "cuda"), open_search(vectors)
    for count in (5, GPU_MOST, GPU_MOST + 1):
        assert np.array_equal(search(vectors[:3], count)[1], exact(vectors[:3], count)[1])
    assert gpu[0].asked == [5, GPU_MOST]


def test_a_gpu_visits_no_more_lists_than_it_can(
    gpu: list[GpuIndex], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "GPU_MOST", 40)
    vectors = np.random.default_rng(0).normal(size=(3000, 32)).astype(np.float32)
    people = np.arange(len(vectors))
    rule = SearchRule("ivf", recall=1.0, sample=100)
    _, report = open_ivf(vectors, vectors, Use(8, 30, people, people), rule, "cuda")
    assert report["lists"] > 40
    assert gpu[0].visited == [1, 2, 4, 8, 16, 32, 40]


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

import numpy as np
import pytest

from faceref.errors import FaceRefError
from faceref.similarity.search import GPU_MOST, SearchRule, open_search
from tests.faceref.fakes import clusters
from tests.faceref.similarity.conftest import GpuIndex


def test_exact_search_is_that_of_numpy():
    vectors = clusters(50, 4)
    scores, rows = open_search(vectors)(vectors[:7], 5)
    table = vectors[:7] @ vectors.T
    assert np.array_equal(rows, np.argsort(-table, 1)[:, :5])
    assert np.allclose(scores, -np.sort(-table, 1)[:, :5], atol=1e-5)


def test_a_gpu_is_asked_for_no_more_neighbours_than_it_can_find(gpu: list[GpuIndex]):
    vectors = clusters(300, 10)
    search, exact = open_search(vectors, "cuda"), open_search(vectors)
    for count in (5, GPU_MOST, GPU_MOST + 1):
        assert np.array_equal(search(vectors[:3], count)[1], exact(vectors[:3], count)[1])
    assert gpu[0].asked == [5, GPU_MOST]


def test_auto_takes_exact_search_up_to_a_size():
    assert SearchRule().exact(500_000)
    assert not SearchRule().exact(500_001)
    assert not SearchRule("ivf").exact(10)


def test_an_unknown_index_is_named():
    with pytest.raises(FaceRefError, match=r"'hnsw'.*exact"):
        SearchRule("hnsw")

"""A GPU for faiss, which this machine need not have."""

from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
import pytest

from faceref.similarity import inverted, search
from faceref.similarity.search import GPU_MOST


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

    own = {"get_num_gpus": lambda: 1, "StandardGpuResources": object, "index_cpu_to_gpu": move}
    fake = SimpleNamespace(**{**vars(faiss), **own})
    for module in (search, inverted):
        monkeypatch.setattr(module, "load_faiss", lambda: fake)
    return moved

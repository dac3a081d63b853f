"""Search by inverted lists that lie in files (Sivic and Zisserman, ICCV 2003), for large pools.

The lists are mapped into memory, so that the system holds as much of them as there is room for.
They are made block by block; what a killed process has finished of them is not made again. On a
GPU they lie in its memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceref.files import replacing, write_json
from faceref.reading.json_file import read_json
from faceref.similarity.search import GPU_MOST, Search, SearchRule, gpu_of, load_faiss, open_search

BLOCK_BYTES = 2**28
"""Vectors added to the lists at a time."""
SCORES = 1 << 24
"""Scores held at a time where many are searched for at once: 64 MiB."""
DEEP = 1024
"""Neighbours asked for above which the inverted lists hand over to exact search."""
TRAINED, REPORT = "trained.faiss", "report.json"
_ANEW = "Delete the folder that it lies in: it is made anew."


@dataclass(frozen=True, eq=False)
class Use:
    """What of the neighbours will be used: the first `count` that are of another person."""

    count: int
    fetch: int
    """Neighbours that are fetched to find them."""
    people: np.ndarray
    """Code of the person of each probe, (M,)."""
    pool: np.ndarray
    """Code of the person of each vector of the pool, (N,)."""

    def wanted(self, probes: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The first `count` of `rows` (B, fetch) that are others than `probes` (B,); else -1."""
        other = (rows >= 0) & (self.pool[np.maximum(rows, 0)] != self.people[probes, None])
        places = np.argsort(~other, axis=1, kind="stable")[:, : self.count]
        kept = np.take_along_axis(other, places, 1)
        return np.where(kept, np.take_along_axis(rows, places, 1), -1)


@dataclass(frozen=True, eq=False)
class Inverted:
    """A `Search` by inverted lists; for many neighbours, by comparing with the whole pool."""

    index: Any
    """Of faiss, on the CPU or a GPU."""
    exact: Search

    def __call__(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Search`."""
        return (self.exact if count > DEEP else self.index.search)(queries, count)

    def many(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The same for many queries: each list is compared at once with all that visit it.

        `count` is at most `DEEP`. Scores may differ from those of a call in the last digit.
        """
        if self._on_gpu:
            return self(queries, count)
        from faiss.contrib.big_batch_search import BigBatchSearcher

        work: Any = BigBatchSearcher(self.index, queries, count)
        work.decode_func, work.by_residual = (lambda codes: codes.view(np.float32)), False
        work.coarse_quantization()
        work.reorder_assign()
        for number in np.flatnonzero(np.diff(work.bucket_lims)).tolist():
            places, visiting, rows, vectors = work.prepare_bucket(number)
            step = max(1, SCORES // max(1, len(rows)))
            for start in range(0, len(places), step):
                part = slice(start, start + step)
                # All scores go to the heaps, which know already what is too low to be taken.
                work.add_results_to_heap(places[part], visiting[part] @ vectors.T, rows, None)
        work.rh.finalize()
        return work.rh.D, work.rh.I

    def nearest_list(self, queries: np.ndarray) -> np.ndarray:
        """The list that each query searches first, (B,); on a GPU 0, see `order`."""
        if self._on_gpu:
            return np.zeros(len(queries), np.int64)
        return self.index.quantizer.search(queries, 1)[1][:, 0]

    def order(self) -> np.ndarray:
        """Rows of the pool, list by list, (N,): in this order, a search reads each list once."""
        if self._on_gpu:  # where reading costs nothing
            return np.arange(self.index.ntotal)
        from faiss.contrib.inspect_tools import get_invlist

        lists = self.index.invlists
        return np.concatenate([get_invlist(lists, one)[0] for one in range(lists.nlist)])

    @property
    def _on_gpu(self) -> bool:
        return not hasattr(self.index, "invlists")


def open_ivf(
    vectors: np.ndarray,
    probes: np.ndarray,
    use: Use,
    rule: SearchRule,
    folder: Path,
    device: str = "cpu",
) -> tuple[Inverted, dict[str, Any]]:
    """Make inverted lists, or take up those of `folder`, and what they were measured at.

    The lists are trained once on a seeded sample, vectors added by blocks, and the number of lists
    that are visited doubled until the recall is reached. Recall is of neighbours of other people,
    for the probe's own are nearer and any index finds them.

    Args:
        vectors: The pool, float32 (N, V).
        probes: What will be searched for, float32 (M, V); a sample of them measures recall.
        use: Which of the neighbours count.
        rule: The recall wanted, and on how many probes.
        folder: Where the lists lie, of this pool and this rule alone.
        device: `cpu` or `cuda`.

    Returns:
        The search, and a report with `lists`, `visited`, `recall` and `recall_at`.
    """
    if device == "cpu" and (folder / REPORT).exists():
        return reopen_ivf(folder, vectors), dict(read_json(folder / REPORT, _ANEW))
    rng = np.random.default_rng(rule.seed)
    lists = max(1, min(int(4 * np.sqrt(len(vectors))), len(vectors) // 39))
    # Drawn in any case: what is drawn next, the probes, must not depend on what is there already.
    rows = np.sort(rng.choice(len(vectors), min(len(vectors), 64 * lists), replace=False))
    if not (folder / TRAINED).exists():
        _train(folder / TRAINED, vectors, rows, lists, rule.seed)
    index = _on_gpu(folder, vectors) if device == "cuda" else _on_disk(folder, vectors)
    search = Inverted(index, open_search(vectors))
    chosen = np.sort(rng.choice(len(probes), min(rule.sample, len(probes)), replace=False))
    sample = np.ascontiguousarray(probes[chosen])
    wanted = use.wanted(chosen, search.exact(sample, use.fetch)[1])
    visited, most = 1, min(lists, GPU_MOST) if device == "cuda" else lists
    while True:
        index.nprobe = visited
        recall = _recall(use.wanted(chosen, search(sample, use.fetch)[1]), wanted)
        if recall >= rule.recall or visited == most:
            break
        visited = min(2 * visited, most)
    report = {"lists": lists, "visited": visited, "recall": round(recall, 4)}
    report["recall_at"] = use.count
    if device == "cpu":
        write_json(folder / REPORT, report)
    return search, report


def reopen_ivf(folder: Path, vectors: np.ndarray) -> Inverted:
    """The search that `open_ivf` finished in `folder` for the pool `vectors`, in any process."""
    index = _read(folder)
    index.nprobe = read_json(folder / REPORT, _ANEW)["visited"]
    return Inverted(index, open_search(vectors))


def _train(path: Path, vectors: np.ndarray, rows: np.ndarray, lists: int, seed: int) -> None:
    """Write an empty index of `lists`, trained on `rows`."""
    faiss, size = load_faiss(), vectors.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed + 1
    index.cp.spherical = True
    index.train(np.ascontiguousarray(vectors[rows]))
    with replacing(path) as temporary:
        faiss.write_index(index, str(temporary))


def _blocks(vectors: np.ndarray) -> list[slice]:
    step = max(1, BLOCK_BYTES // (4 * vectors.shape[1]))
    return [slice(start, start + step) for start in range(0, len(vectors), step)]


def _on_gpu(folder: Path, vectors: np.ndarray) -> Any:
    faiss = load_faiss()
    index = faiss.index_cpu_to_gpu(gpu_of(faiss), 0, faiss.read_index(str(folder / TRAINED)))
    for part in _blocks(vectors):
        index.add(np.ascontiguousarray(vectors[part]))
    return index


def _on_disk(folder: Path, vectors: np.ndarray) -> Any:
    """The index of `folder`, made from blocks of the vectors, each an index of its own."""
    for number, part in enumerate(_blocks(vectors)):
        path = folder / f"block-{number:05d}.faiss"
        if not path.exists():
            _write_block(folder, path, vectors, part)
    return _read(folder)


def _write_block(folder: Path, path: Path, vectors: np.ndarray, part: slice) -> None:
    faiss = load_faiss()
    index = faiss.read_index(str(folder / TRAINED))
    block = np.ascontiguousarray(vectors[part])
    index.add_with_ids(block, np.arange(part.start, part.start + len(block)))
    with replacing(path) as temporary:
        faiss.write_index(index, str(temporary))


def _read(folder: Path) -> Any:
    """One index of all blocks; each of its lists is those of the blocks, one after the other."""
    faiss = load_faiss()
    index, lists = faiss.read_index(str(folder / TRAINED)), faiss.InvertedListsPtrVector()
    blocks = [
        faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
        for path in sorted(folder.glob("block-*.faiss"))
    ]
    for block in blocks:
        # Its threads would read again what the order of the searches has in memory.
        faiss.downcast_InvertedLists(block.invlists).prefetch_nthread = 0
        lists.push_back(block.invlists)
    stacked = faiss.HStackInvertedLists(lists.size(), lists.data())
    index.replace_invlists(stacked)
    index.ntotal = sum(block.ntotal for block in blocks)
    index.referenced_objects = [stacked, blocks]  # faiss holds pointers to them
    return index


def _recall(found: np.ndarray, wanted: np.ndarray) -> float:
    hits = (found[:, :, None] == wanted[:, None, :]) & (wanted[:, None, :] >= 0)
    return float(hits.any(1).sum() / max(1, (wanted >= 0).sum()))

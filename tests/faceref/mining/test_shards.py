"""Mining in shards: what is found, what is done already, and who may do it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceref.mining import shards as module
from faceref.mining.mine import Candidates, Limits, Mining, Reference, mine
from faceref.mining.shards import Task, mine_here, mine_in_shards
from faceref.similarity.search import SearchRule, open_search
from tests.faceref.fakes import clusters

MINING = Mining(5, index=SearchRule("ivf", recall=1.0, sample=100))
"""At a recall of one all lists are visited."""
LIMITS = Limits(0.8)


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> Candidates:
    """600 faces of 60 people, in shards of 128 probes."""
    monkeypatch.setattr(module, "SHARD", 128)
    vectors = clusters(60, 10)
    ids = [f"{row:04d}" for row in np.random.default_rng(1).permutation(600)]
    labels = [f"p{row // 10}" for row in range(600)]
    return Candidates.of(ids, labels, vectors, vectors, np.arange(600) // 2)


TRAIN = np.flatnonzero(np.arange(600) // 10 % 5 > 0)


def _exactly(faces: Candidates, keys: Candidates, diversity: int = 1) -> list:
    pool = keys.take(TRAIN)
    return list(mine(faces, pool, 5, LIMITS, open_search(pool.vectors), diversity))


def _assert_alike(found: Sequence[list[Reference]], wanted: list[list[Reference]]) -> None:
    """The same references; one score in a hundred may be rounded the other way."""
    assert [[name for name, _ in one] for one in found] == [
        [name for name, _ in one] for one in wanted
    ]
    apart = [
        abs(score - other)
        for one, two in zip(found, wanted, strict=True)
        for (_, score), (_, other) in zip(one, two, strict=True)
    ]
    assert max(apart) < 1.01e-4
    assert np.mean(np.array(apart) > 1e-6) < 0.01


@pytest.mark.parametrize("diversity", [1, 3])
def test_shards_give_what_mining_in_memory_gives(faces: Candidates, diversity: int, tmp_path: Path):
    mining = replace(MINING, diversity=diversity)
    found, report = mine_in_shards(tmp_path, faces, faces, TRAIN, mining, LIMITS)
    _assert_alike(found, _exactly(faces, faces, diversity))
    assert report["recall"] == 1
    assert report["visited"] == report["lists"]
    assert len(list(tmp_path.glob("*/found/*.npz"))) == 5


def test_probes_and_pool_may_have_vectors_of_two_kinds(faces: Candidates, tmp_path: Path):
    noise = np.random.default_rng(2).normal(size=faces.vectors.shape).astype(np.float32)
    blind = replace(faces, vectors=faces.vectors + 0.05 * noise)
    found, _ = mine_in_shards(tmp_path, blind, faces, TRAIN, MINING, LIMITS)
    _assert_alike(found, _exactly(blind, faces))


def test_a_shard_is_of_probes_that_visit_the_same_lists(faces: Candidates, tmp_path: Path):
    mine_in_shards(tmp_path, faces, faces, TRAIN, MINING, LIMITS)
    task = Task.open(next(tmp_path.iterdir()))
    assert sorted(task.order) == list(range(600))
    nearest = task.search.nearest_list(faces.vectors[task.order])
    assert (np.diff(nearest[: len(TRAIN)]) >= 0).all()
    assert (np.diff(nearest[len(TRAIN) :]) >= 0).all()


def test_only_what_is_missing_is_mined_again(faces: Candidates, tmp_path: Path):
    mined: list[int] = []

    def until(last: int) -> module.MineShards:
        def mining(folder: Path, shards: Sequence[int]) -> Iterator[int]:
            for shard in mine_here(folder, shards):
                mined.append(shard)
                yield shard
                if shard == last:
                    raise KeyboardInterrupt

        return mining

    given = tmp_path, faces, faces, TRAIN, MINING, LIMITS
    with pytest.raises(KeyboardInterrupt):
        mine_in_shards(*given, mine_shards=until(2))
    (folder,) = tmp_path.iterdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.np[yz]")}
    (folder / "found" / "00001.npz").unlink()
    found, _ = mine_in_shards(*given, mine_shards=until(9))
    assert mined == [0, 1, 2, 1, 3, 4]
    again = {path: path.stat().st_mtime_ns for path in before}
    assert [path.name for path in before if again[path] != before[path]] == ["00001.npz"]
    _assert_alike(found, _exactly(faces, faces))


def test_what_was_mined_otherwise_is_not_taken_up(faces: Candidates, tmp_path: Path):
    given = tmp_path, faces, faces, TRAIN
    mine_in_shards(*given, MINING, LIMITS)
    mine_in_shards(*given, MINING, LIMITS)
    assert len(list(tmp_path.iterdir())) == 1
    other = replace(faces, embeddings=faces.embeddings.copy())
    other.embeddings[7] *= -1
    mine_in_shards(*given, replace(MINING, references=4), LIMITS)
    mine_in_shards(*given, MINING, Limits(0.7))
    mine_in_shards(tmp_path, other, other, TRAIN, MINING, LIMITS)
    mine_in_shards(tmp_path, faces, faces, TRAIN[:-1], MINING, LIMITS)
    assert len(list(tmp_path.iterdir())) == 5

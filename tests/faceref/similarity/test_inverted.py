"""Inverted lists: recall, what they share with lists in memory, and what is done already."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from faceref.mining.mine import Candidates, Limits, mine
from faceref.similarity import inverted as module
from faceref.similarity.inverted import REPORT, Use, open_ivf, reopen_ivf
from faceref.similarity.search import SearchRule, open_search
from tests.faceref.fakes import clusters
from tests.faceref.similarity.conftest import GpuIndex


def test_inverted_lists_reach_the_recall_that_they_report(tmp_path: Path):
    vectors = clusters(600, 10)
    rule = SearchRule("ivf", recall=0.95, sample=200, seed=3)
    people = np.arange(len(vectors)) // 10
    use = Use(8, 30, people, people)
    search, report = open_ivf(vectors, vectors, use, rule, tmp_path)
    assert 0.95 <= report["recall"] <= 1
    assert report["visited"] < report["lists"]
    everyone = np.arange(len(vectors))
    wanted = use.wanted(everyone, open_search(vectors)(vectors, 30)[1])
    assert (people[wanted] != people[:, None]).all()
    found = use.wanted(everyone, search(vectors, 30)[1])
    hits = sum(len(set(a) & set(b)) for a, b in zip(found, wanted, strict=True))
    assert hits / wanted.size == pytest.approx(report["recall"], abs=0.03)


def test_lists_in_files_are_those_that_faiss_makes_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    vectors = clusters(200, 10)
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * 32 * 300)
    people = np.arange(len(vectors)) // 10
    rule = SearchRule("ivf", sample=100)
    search, report = open_ivf(vectors, vectors, Use(8, 30, people, people), rule, tmp_path)
    inside: Any = faiss.read_index(str(tmp_path / "trained.faiss"))
    inside.add(vectors)
    inside.nprobe = report["visited"]
    for found, expected in zip(search(vectors, 30), inside.search(vectors, 30), strict=True):
        assert np.array_equal(found, expected)
    for count in (30, 300):
        scores, rows = search.many(vectors, count)
        expected = inside.search(vectors, count)
        assert np.allclose(scores, expected[0], atol=1e-6)
        assert (rows == expected[1]).mean() > 0.999  # but for ties in the last digit
    assert sorted(search.order()) == list(range(len(vectors)))
    nearest = search.nearest_list(vectors[search.order()])
    assert (np.diff(nearest) >= 0).all()
    assert len(list(tmp_path.glob("block-*.faiss"))) == 7


def test_what_is_finished_of_the_lists_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    vectors = clusters(200, 10)
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * 32 * 700)
    people = np.arange(len(vectors)) // 10
    given = vectors, vectors, Use(8, 30, people, people), SearchRule("ivf", sample=100)
    whole = open_ivf(*given, tmp_path / "whole")[1]
    write, folder = module._write_block, tmp_path / "killed"
    written: list[str] = []

    def some(root: Path, path: Path, *given: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        write(root, path, *given)
        written.append(path.name)

    monkeypatch.setattr(module, "_write_block", some)
    with pytest.raises(KeyboardInterrupt):
        open_ivf(*given, folder)
    monkeypatch.setattr(module, "_train", pytest.fail)
    written.clear()
    search, report = open_ivf(*given, folder)
    assert (written, report) == (["block-00002.faiss"], whole)
    again = reopen_ivf(folder, vectors)
    assert np.array_equal(again(vectors, 9)[1], search(vectors, 9)[1])
    (folder / REPORT).unlink()
    assert open_ivf(*given, folder)[1] == whole


def test_a_gpu_visits_no_more_lists_than_it_can(
    gpu: list[GpuIndex], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(module, "GPU_MOST", 40)
    vectors = np.random.default_rng(0).normal(size=(3000, 32)).astype(np.float32)
    people = np.arange(len(vectors))
    rule = SearchRule("ivf", recall=1.0, sample=100)
    _, report = open_ivf(vectors, vectors, Use(8, 30, people, people), rule, tmp_path, "cuda")
    assert report["lists"] > 40
    assert gpu[0].visited == [1, 2, 4, 8, 16, 32, 40]


def test_mining_by_an_inverted_file_obeys_the_same_rules(tmp_path: Path):
    vectors = clusters(300, 10)
    labels = [f"p{row // 10}" for row in range(len(vectors))]
    faces = Candidates.of([f"{row:05d}" for row in range(len(vectors))], labels, vectors, vectors)
    use = Use(8, 26, faces.people, faces.people)
    search, _ = open_ivf(vectors, vectors, use, SearchRule("ivf", sample=100), tmp_path)
    for row, found in enumerate(mine(faces, faces, 8, Limits(0.9), search)):
        assert len(found) == 8
        rows = [int(name) for name, _ in found]
        assert row // 10 not in {place // 10 for place in rows}
        assert np.allclose(vectors[rows] @ vectors[row], [s for _, s in found], atol=1e-4)

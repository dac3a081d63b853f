"""Builds and trainings killed at random changes of files; `kill.py` kills commands."""

import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import faceref
from faceref.errors import FaceRefError
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.faults.command import watch
from tests.faults.jobs import digests

Work = Callable[[Path], None]


def _build(folder: Path) -> None:
    from faceref.pipeline import local_executor
    from faceref.pipeline.build import build
    from faceref.pipeline.recipe import Recipe
    from faceref.pipeline.splits import SplitRule
    from faceref.sources.folder import folder as people

    local_executor.CHUNK = 6
    recipe = Recipe(split=SplitRule(0.2, 0.2))
    build(people(folder / "people"), PlainEmbedder(), folder / "made", recipe, workers=1)


def _train(folder: Path) -> None:
    import torch

    from benchmark.protocol.budgets import budget
    from benchmark.training import trainer
    from benchmark.training.train import train
    from faceref.dataset.face_ref import FaceRef
    from tests.benchmark.narrow import narrow_srcnn

    narrow_srcnn()
    torch.set_num_threads(1)
    trainer.SAVE_SECONDS = 0.0
    train(FaceRef.open(folder / "set"), "srcnn", budget("debug"), folder / "run")


def _child(work: Work, folder: Path, count: Path, die_at: int) -> None:
    watch(folder, count, die_at)
    work(folder)


def _run(work: Work, folder: Path, die_at: int = 0) -> tuple[int, int]:
    """Exit status, negative for a signal, and the number of changes of files."""
    # Forked of a server that has only imported: torch and OpenCV do not survive a fork in use.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faiss", "benchmark.training.train", __name__])
    count = folder.with_name(f"{folder.name}-count")
    count.unlink(missing_ok=True)
    child = context.Process(target=_child, args=(work, folder, count, die_at))
    child.start()
    child.join(60)
    assert child.exitcode is not None, "hangs"
    return child.exitcode, count.stat().st_size


@pytest.fixture(scope="module", autouse=True)
def _server_finds_the_tests():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], int]:
    """Digests of an undisturbed build, and its number of changes of files."""
    folder = tmp_path_factory.mktemp("undisturbed") / "whole"
    write_people(folder / "people", people=8, shots=2)
    code, changes = _run(_build, folder)
    assert code == 0
    return digests(folder), changes


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_build_is_whole_or_not_there_and_ends_in_the_same_bytes(
    tmp_path: Path, whole: tuple[dict[str, str], int], seed: int
):
    expected, changes = whole
    folder = tmp_path / "killed"
    write_people(folder / "people", people=8, shots=2)
    for place in np.random.default_rng(seed).integers(1, changes + 1, 3):
        code, _ = _run(_build, folder, int(place))
        assert not (folder / "made").exists() or faceref.verify(folder / "made") == []
        if code != -signal.SIGKILL:
            break
    _finish(folder)
    assert digests(folder) == expected


def _finish(folder: Path) -> None:
    if not (folder / "made").exists():
        assert _run(_build, folder)[0] == 0
        return
    # It was killed when all was done; then what it left is cleared all the same.
    with pytest.raises(FaceRefError, match="exists already"):
        _build(folder)


def test_a_build_that_is_killed_in_its_last_moments_leaves_nothing_behind(
    tmp_path: Path, whole: tuple[dict[str, str], int]
):
    expected, changes = whole
    folder = tmp_path / "killed"
    write_people(folder / "people", people=8, shots=2)
    for back in (12, 5, 0):
        assert _run(_build, folder, changes - back)[0] == -signal.SIGKILL
        _finish(folder)
        assert sorted(path.name for path in folder.iterdir()) == ["made", "people"]
        assert digests(folder) == expected
        (folder / "made").rename(tmp_path / f"made-{back}")


def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path, tiny_face_ref: Path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "set").symlink_to(tiny_face_ref)
    code, changes = _run(_train, tmp_path / "whole")
    assert code == 0
    for place in np.random.default_rng(0).integers(1, changes + 1, 3):
        _run(_train, tmp_path / "killed", int(place))
    assert _run(_train, tmp_path / "killed")[0] == 0
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")

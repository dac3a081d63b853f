"""The Ray executor against the local one. Needs the extra `ray`."""

from __future__ import annotations

import importlib.util
import os
import pickle
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceref.embed.base import Embedder
from faceref.embed.registry import EmbedderSpec
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.checkpoints import BuildFolder
from faceref.pipeline.local_executor import chunks
from faceref.pipeline.ray_executor import PartActor, RayExecutor, _actors, _Maker, _start
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.record import Record
from faceref.similarity.search import SearchRule
from faceref.sources.archives import Slice
from faceref.sources.base import Source
from faceref.sources.folder import folder
from faceref.sources.sample import sample
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.files_below import files_below

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'"
)
RECIPE = Recipe(split=SplitRule(0.2, 0.2))


class OtherEmbedder(PlainEmbedder):
    """As a node with other models would open it."""

    def provenance(self) -> dict:
        return {"name": "plain", "models": "others"}


def open_and_note(log: Path) -> Embedder:
    """dlib; notes the process that opened it."""
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return EmbedderSpec("dlib").open()


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    """Ray with two local workers, for all tests of this module."""
    ray = pytest.importorskip("ray")
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
    )
    yield ray
    ray.shutdown()


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """36 smooth images, one black and one broken, in parts of ten."""
    monkeypatch.setattr("faceref.pipeline.local_executor.CHUNK", 10)
    root = write_people(tmp_path / "people")
    Image.new("RGB", (128, 128)).save(root / "person_00" / "black.png")
    (root / "person_01" / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    return root


def _few_people(count: int) -> Source:
    whole = sample()
    people = sorted({record.identity for record in whole.records})[:count]
    records = tuple(record for record in whole.records if record.identity in people)
    return Source("sample", whole.licence, records)


@needs_ray
def test_two_workers_give_the_set_of_the_local_executor(
    two_workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("faceref.pipeline.local_executor.CHUNK", 8)
    monkeypatch.setattr("faceref.mining.shards.SHARD", 8)
    source, embedder, log = _few_people(4), EmbedderSpec("dlib").open(), tmp_path / "log"
    recipe = replace(RECIPE, mining=Mining(index=SearchRule("ivf")))
    build(source, embedder, tmp_path / "local", recipe, workers=2)
    monkeypatch.setattr("faceref.mining.shards.Task.mine", pytest.fail)  # not in this process
    executor = RayExecutor(partial(open_and_note, log), recipe, workers=2)
    build(source, embedder, tmp_path / "ray", recipe, executor=executor)
    assert files_below(tmp_path / "ray") == files_below(tmp_path / "local")
    assert not (tmp_path / "ray.building").exists()
    opened = log.read_text().split()
    assert 1 <= len(opened) <= 2
    assert len(set(opened)) == len(opened)
    assert str(os.getpid()) not in opened
    assert two_workers.is_initialized()


@needs_ray
def test_a_relative_folder_and_bad_images(
    two_workers: Any, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build(folder(people), PlainEmbedder(), tmp_path / "local", RECIPE)
    monkeypatch.chdir(tmp_path)
    source, vectors = folder(Path("people")), []
    build(
        source,
        PlainEmbedder(),
        Path("ray"),
        RECIPE,
        executor=RayExecutor(PlainEmbedder, RECIPE),
        progress=lambda done, total, state="": vectors.append((done, total)),
    )
    assert files_below(tmp_path / "ray") == files_below(tmp_path / "local")
    assert vectors[0] == (0, 38)
    assert vectors[-1] == (38, 38)
    assert [done for done, _ in vectors] == sorted(done for done, _ in vectors)


@needs_ray
def test_a_build_begun_here_goes_on_with_ray(two_workers: Any, people: Path, tmp_path: Path):
    def stop(done: int, total: int) -> None:
        if done >= 25:
            raise KeyboardInterrupt

    build(folder(people), PlainEmbedder(), tmp_path / "whole", RECIPE)
    with pytest.raises(KeyboardInterrupt):
        build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE, workers=1, progress=stop)
    parts = tmp_path / "out.building" / "parts"
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.parquet")}
    assert sorted(kept) == ["part-00000.parquet", "part-00001.parquet"]

    class Stop(Exception):
        pass

    def look(done: int, total: int) -> None:
        if done == total:
            now = {name: (parts / name).stat().st_mtime_ns for name in kept}
            assert now == kept
            raise Stop

    executor = RayExecutor(PlainEmbedder, RECIPE)
    with pytest.raises(Stop):
        build(
            folder(people),
            PlainEmbedder(),
            tmp_path / "out",
            RECIPE,
            executor=executor,
            progress=look,
        )
    build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE, executor=executor)
    assert files_below(tmp_path / "out") == files_below(tmp_path / "whole")


@needs_ray
def test_a_node_with_other_models_stops_the_build(two_workers: Any, people: Path, tmp_path: Path):
    executor = RayExecutor(OtherEmbedder, RECIPE, workers=1)
    with pytest.raises(FaceRefError, match=r"another models of the embedder.*--pack DIR"):
        build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE, executor=executor)
    assert not (tmp_path / "out").exists()


@needs_ray
def test_a_source_that_a_node_does_not_see_stops_the_build(
    two_workers: Any, people: Path, tmp_path: Path
):
    gone = Record("x/1", "folder", "x", blob=Slice(tmp_path / "gone.tar", 0, 10))
    source = Source("folder", "none", (*folder(people).records, gone))
    executor = RayExecutor(PlainEmbedder, RECIPE, workers=1)
    with pytest.raises(FaceRefError, match=r"does not see .*gone\.tar.*same path"):
        build(source, PlainEmbedder(), tmp_path / "out", RECIPE, executor=executor)


@needs_ray
def test_a_gpu_that_ray_does_not_have(two_workers: Any, people: Path, tmp_path: Path):
    executor = RayExecutor(PlainEmbedder, RECIPE, device="cuda")
    with pytest.raises(FaceRefError, match="this Ray has no GPU"):
        build(folder(people), PlainEmbedder(), tmp_path / "out", RECIPE, executor=executor)


def test_without_ray_the_way_to_get_it_is_named(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FaceRefError, match=r"pip install 'face-ref\[ray\]'"):
        build(
            folder(people),
            PlainEmbedder(),
            tmp_path / "out",
            RECIPE,
            executor=RayExecutor(PlainEmbedder, RECIPE),
        )


def test_a_cluster_that_does_not_answer():
    def init(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.\nMore")

    fake = SimpleNamespace(init=init)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(FaceRefError, match=r"Cannot reach .*refused.*ray start --head"):
            _start(fake, nobody, None)
    with pytest.raises(
        FaceRefError, match=r"at auto \(Could not find any running Ray instance\.\)"
    ):
        _start(fake, "auto", None)


def test_ray_started_here_has_the_workers_asked_for(monkeypatch: pytest.MonkeyPatch):
    given: dict[str, Any] = {}
    monkeypatch.setattr("faceref.pipeline.ray_executor.usable_cores", lambda: 2)
    _start(SimpleNamespace(init=lambda **options: given.update(options)), "local", 3)
    assert (given["address"], given["num_cpus"], given["include_dashboard"]) == ("local", 3, False)


def test_an_actor_opens_its_models_once(people: Path, tmp_path: Path):
    opened = []

    def open_embedder() -> PlainEmbedder:
        opened.append(PlainEmbedder())
        return opened[-1]

    build_folder = BuildFolder.enter(tmp_path / "out", {})
    maker = _Maker(build_folder, open_embedder, {"name": "plain"}, RECIPE, "cpu")
    actor = PartActor(maker, 1)
    counts = []
    for index, chunk in chunks(folder(people).records):
        row = {"index": np.array([index]), "records": np.array([pickle.dumps(chunk)], object)}
        counts += actor(row)["images"]
    assert counts == [10, 10, 10, 8]
    assert len(opened) == 1
    assert build_folder.read(4, ["image_id"]).num_rows == 38


def test_threads_and_gpus_of_actors():
    class Cluster:
        @staticmethod
        def cluster_resources() -> dict[str, float]:
            return {"CPU": 32.0, "GPU": 4.0}

    assert _actors(Cluster, "cpu", None) == (32, {"num_cpus": 1}, 1)
    assert _actors(Cluster, "cpu", 5) == (5, {"num_cpus": 1}, 1)
    assert _actors(Cluster, "cuda", None) == (4, {"num_cpus": 8, "num_gpus": 1.0}, 8)
    assert _actors(Cluster, "cuda", 8) == (8, {"num_cpus": 4, "num_gpus": 0.5}, 4)

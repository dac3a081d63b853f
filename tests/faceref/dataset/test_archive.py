import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import faceref
from benchmark.protocol.budgets import BUDGETS
from benchmark.training.train import train
from faceref.cli.app import app
from faceref.dataset.archive import write_archive
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.errors import FaceRefError


def unpacked(archive: Path, out: Path) -> FaceRef:
    with tarfile.open(archive) as file:
        file.extractall(out, filter="data")
    return FaceRef.open(out / "face_ref")


def test_where_there_is_room_the_faces_are_the_same(tiny_face_ref: Path, tmp_path: Path):
    found = write_archive(tiny_face_ref, tmp_path / "set.tar")
    assert (found.quality, found.psnr_rgb, found.faces) == (None, 100.0, 30)
    there, here = unpacked(tmp_path / "set.tar", tmp_path), FaceRef.open(tiny_face_ref)
    assert there.manifest["fingerprint"] == here.manifest["fingerprint"]
    assert data_revision(there) == data_revision(here)
    for split in ("train", "val"):
        assert np.array_equal(there.images(split), here.images(split))
        assert there.rows(split) == here.rows(split)
    with pytest.raises(FaceRefError, match="no shard of split 'test'"):
        there.images("test")
    for check in (faceref.verify, faceref.certify):
        with pytest.raises(FaceRefError, match="is an unpacked archive, with train and val"):
            check(there)


def test_less_room_costs_quality_and_gives_another_fingerprint(tiny_face_ref: Path, tmp_path: Path):
    whole = write_archive(tiny_face_ref, tmp_path / "whole.tar")
    size = (tmp_path / "whole.tar").stat().st_size / 1e6
    found = write_archive(tiny_face_ref, tmp_path / "small.tar", megabytes=0.8 * size)
    assert whole.quality is None
    assert found.quality is not None
    assert (tmp_path / "small.tar").stat().st_size <= 0.8e6 * size
    there, here = unpacked(tmp_path / "small.tar", tmp_path), FaceRef.open(tiny_face_ref)
    assert there.manifest["fingerprint"] != here.manifest["fingerprint"]
    assert there.manifest["packed"]["of"] == here.manifest["fingerprint"]
    assert data_revision(there) != data_revision(here)
    budget = replace(BUDGETS["debug"], samples=8)
    assert train(there, "srcnn", budget, tmp_path / "run")["archived_from"] == data_revision(here)
    apart = np.abs(there.images("train").astype(int) - here.images("train")).mean()
    assert 0 < apart < 8


def test_equal_sets_give_equal_files(tiny_face_ref: Path, tmp_path: Path):
    for name in ("one.tar", "two.tar"):
        write_archive(tiny_face_ref, tmp_path / name, splits=["val"])
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_what_does_not_fit_says_what_to_do(tiny_face_ref: Path, tmp_path: Path):
    with pytest.raises(FaceRefError, match="--megabytes more"):
        write_archive(tiny_face_ref, tmp_path / "set.tar", megabytes=0.001)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FaceRefError, match="moon"):
        write_archive(tiny_face_ref, tmp_path / "set.tar", splits=["moon"])
    with pytest.raises(FaceRefError, match="test, train, val"):
        write_archive(tiny_face_ref, tmp_path / "set.tar", splits=[])


def test_an_archive_can_be_trained_on(tiny_face_ref: Path, tmp_path: Path):
    ran = CliRunner().invoke(
        app, ["archive", str(tiny_face_ref), "--out", str(tmp_path / "set.tar")]
    )
    assert ran.exit_code == 0, ran.output
    assert "30 faces of train, val" in ran.output
    there = unpacked(tmp_path / "set.tar", tmp_path)
    budget = replace(BUDGETS["debug"], samples=16)
    report = train(there, "srcnn", budget, tmp_path / "run")
    assert report["data_revision"] == data_revision(there)
    assert "archived_from" not in report

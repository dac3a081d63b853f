"""Weights of metrics: only the published bytes are ever used."""

import hashlib
import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.metrics import weights
from faceref.errors import FaceRefError

CONTENT = b"weights of a tiny network" * 1000


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder, also served at the URL, with the file of `tiny`, the only entry; none is kept."""
    source = tmp_path / "shelf"
    source.mkdir()
    (source / "tiny.pth").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(source)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tiny = replace(
        weights.WEIGHTS["squeezenet"],
        name="tiny",
        url=f"http://127.0.0.1:{server.server_port}/tiny.pth",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )
    monkeypatch.setattr(weights, "WEIGHTS", {"tiny": tiny})
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "kept"))
    yield source
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_names_of_torchvision_files_hold_the_start_of_their_hash():
    for entry in weights.WEIGHTS.values():
        assert len(entry.sha256) == 64
        if entry.kept_sha256:
            assert len(entry.kept_sha256) == 64
            continue
        assert entry.file.rsplit("-", 1)[1] == f"{entry.sha256[:8]}.pth"


def test_missing_weights_say_how_to_get_them(shelf: Path):
    assert weights.state("tiny") == "missing"
    with pytest.raises(FaceRefError, match=r"Not available: lpips_squeeze.*weights fetch tiny"):
        weights.find("tiny")


def test_without_the_extra_fetching_says_what_to_install(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FaceRefError, match=r"package pooch.*pip install 'face-ref\[metrics\]'"):
        weights.fetch("tiny", shelf)
    assert weights.state("tiny") == "missing"


@pytest.mark.parametrize("offline", [True, False])
def test_fetched_weights_are_found(shelf: Path, offline: bool):
    path = weights.fetch("tiny", shelf if offline else None)
    assert path.read_bytes() == CONTENT
    assert weights.find("tiny") == path
    assert [file.name for file in path.parent.iterdir()] == ["tiny.pth"]


def test_right_weights_are_not_fetched_again(shelf: Path):
    weights.fetch("tiny", shelf)
    (shelf / "tiny.pth").unlink()
    assert weights.fetch("tiny").read_bytes() == CONTENT


@pytest.mark.parametrize("offline", [True, False])
def test_tampered_weights_are_refused_and_not_kept(shelf: Path, offline: bool):
    (shelf / "tiny.pth").write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(FaceRefError, match="Nothing was kept"):
        weights.fetch("tiny", shelf if offline else None)
    assert list(weights.folder().iterdir()) == []
    assert weights.state("tiny") == "missing"


def test_weights_damaged_on_disk_are_refused_and_can_be_replaced(shelf: Path):
    path = weights.fetch("tiny", shelf)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(FaceRefError, match="is not the published file"):
        weights.find("tiny")
    weights.fetch("tiny", shelf)
    assert weights.find("tiny").read_bytes() == CONTENT


def test_a_folder_without_the_file_is_named(shelf: Path, tmp_path: Path):
    with pytest.raises(FaceRefError, match=r"Cannot fetch tiny\.pth from .*shelf2"):
        weights.fetch("tiny", tmp_path / "shelf2")


def test_a_file_that_the_server_lacks_is_named(shelf: Path):
    (shelf / "tiny.pth").unlink()
    with pytest.raises(FaceRefError, match=r"Cannot fetch tiny\.pth from http.*--from DIR"):
        weights.fetch("tiny")
    assert list(weights.folder().iterdir()) == []


def test_unknown_weights_are_an_error(shelf: Path):
    with pytest.raises(FaceRefError, match="Choose from: tiny"):
        weights.fetch("vgg19")


def test_the_command_lists_and_fetches(shelf: Path):
    listed = CliRunner().invoke(app, ["weights"])
    assert "tiny: missing, for lpips_squeeze" in listed.output
    assert "niqe: not available" in listed.output
    fetched = CliRunner().invoke(app, ["weights", "fetch", "tiny", "--from", str(shelf)])
    assert fetched.exit_code == 0, fetched.output
    assert "tiny: here" in CliRunner().invoke(app, ["weights"]).output

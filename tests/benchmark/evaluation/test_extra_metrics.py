"""Extra metrics: their formulas with networks whose weights are drawn here, and what they refuse.

No published weights are needed: a random network is put in by hand, and never by the package.
"""

import hashlib
import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.extra_metrics import EXTRAS, open_extras, parse_names
from benchmark.evaluation.predictions import evaluate_predictions
from benchmark.evaluation.setting import Setting
from benchmark.evaluation.setting_faces import read_faces
from benchmark.metrics import fidelity, perceptual, weights
from benchmark.metrics.fidelity import fid_and_kid
from benchmark.metrics.identity import cosines, embed_all
from benchmark.metrics.perceptual import distances, lpips_distance, open_lpips
from benchmark.metrics.registry import METRIC_INFO, METRICS
from benchmark.results.files import read, write
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from tests.benchmark.metrics.test_identity import MeanColour

CPU = torch.device("cpu")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a metric opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def squeezenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None) -> nn.Module:
    """A SqueezeNet with seeded weights, in the place of the published one."""
    pytest.importorskip("torchmetrics")
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    network = squeezenet1_1(weights=None).eval()
    path = tmp_path / "squeezenet1_1-b8a52dc0.pth"
    torch.save(network.state_dict(), path)
    entry = weights.WEIGHTS["squeezenet"]
    entry = replace(entry, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(weights.WEIGHTS, "squeezenet", entry)
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    return network.features


def _faces(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def _lpips_of_the_paper(features: nn.Module, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Zhang et al. 2018, equation 1, in float64, at the seven layers of their SqueezeNet."""
    shift = torch.tensor([-0.030, -0.088, -0.188]).double().view(3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).double().view(3, 1, 1)
    path = perceptual.head_path("lpips_models/squeeze.pth")
    head = torch.load(path, weights_only=True, map_location="cpu").values()
    maps = []
    for images in (first, second):
        x = (torch.from_numpy(images).permute(0, 3, 1, 2).double() / 127.5 - 1 - shift) / scale
        found = []
        for place, layer in enumerate(features.double()):  # pyright: ignore
            x = layer(x)
            if place in (1, 4, 7, 9, 10, 11, 12):
                found.append(x / x.square().sum(1, keepdim=True).add(1e-8).sqrt())
        maps.append(found)
    return sum(
        ((x - y).square() * weight.double()).sum(1).mean((1, 2))
        for x, y, weight in zip(*maps, head, strict=True)
    ).numpy()  # pyright: ignore


@torch.no_grad()
def test_lpips_is_the_formula_of_its_paper(squeezenet: nn.Module):
    outputs, targets = _faces(18), _faces(18, 1)
    network, files = open_lpips("squeeze")
    found = distances(lpips_distance(network), outputs, targets, CPU)
    assert found == pytest.approx(_lpips_of_the_paper(squeezenet, outputs, targets), rel=1e-4)
    assert distances(lpips_distance(network), targets, targets, CPU) == pytest.approx(0, abs=1e-7)
    assert sorted(files) == ["lpips_models/squeeze.pth", "squeezenet1_1-b8a52dc0.pth"]


def test_lpips_refuses_other_weightings(squeezenet: nn.Module, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(perceptual.HEADS, "lpips_models/squeeze.pth", "0" * 64)
    with pytest.raises(FaceRefError, match="not the one this metric is defined with"):
        open_lpips("squeeze")


def test_lpips_runs_no_code_of_its_weights(
    squeezenet: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "squeezenet1_1-b8a52dc0.pth"
    torch.save({"features.0.weight": Path("a class that is no tensor")}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = replace(weights.WEIGHTS["squeezenet"], sha256=digest)
    monkeypatch.setitem(weights.WEIGHTS, "squeezenet", entry)
    with pytest.raises(Exception, match="Weights only load failed"):
        open_lpips("squeeze")


@torch.no_grad()
def test_dists_is_the_formula_of_its_paper(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("torchmetrics")
    from torchmetrics.functional.image import dists

    torch.manual_seed(0)
    layers = [nn.Identity() for _ in range(30)]
    for place, (before, after) in {
        0: (3, 64),
        5: (64, 128),
        10: (128, 256),
        17: (256, 512),
    }.items():
        layers[place] = nn.Conv2d(before, after, 1)  # pyright: ignore
    vgg = nn.Module()
    vgg.features = nn.Sequential(*layers)
    monkeypatch.setattr(dists, "vgg16", lambda weights: vgg)
    network = dists.DISTSNetwork().eval()
    outputs, targets = _faces(18), _faces(18, 1)
    found = distances(network, outputs, targets, CPU)
    expected = [_dists_of_the_paper(network, *pair) for pair in zip(outputs, targets, strict=True)]
    assert found == pytest.approx(expected, abs=1e-4)
    assert distances(network, targets, targets, CPU) == pytest.approx(0, abs=1e-5)


def _dists_of_the_paper(network: Any, output: np.ndarray, target: np.ndarray) -> float:
    """Ding et al. 2020, equations 3 to 5, from the maps of the network, the image among them."""
    pair = [torch.from_numpy(image).permute(2, 0, 1)[None] / 255 for image in (output, target)]
    maps = [[layer[0].flatten(1).double() for layer in network.forward_once(x)] for x in pair]
    x, y = (layers for layers in maps)
    alpha, beta = network.alpha.flatten().double(), network.beta.flatten().double()
    texture, structure = [], []
    for first, second in zip(x, y, strict=True):
        means = first.mean(1), second.mean(1)
        texture.append((2 * means[0] * means[1] + 1e-6) / (means[0] ** 2 + means[1] ** 2 + 1e-6))
        covariance = ((first - means[0][:, None]) * (second - means[1][:, None])).mean(1)
        spread = first.var(1, correction=0) + second.var(1, correction=0)
        structure.append((2 * covariance + 1e-6) / (spread + 1e-6))
    likeness = alpha @ torch.cat(texture) + beta @ torch.cat(structure)
    return float(1 - likeness / (alpha.sum() + beta.sum()))


def _mean_colour_extractor() -> dict[str, Any]:
    torch_fidelity = pytest.importorskip("torch_fidelity")
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class MeanColours(FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("colour",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "colour"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: Tensor) -> tuple[Tensor]:  # pyright: ignore
            return (images.float().mean((2, 3)),)

    if "mean-colours" not in FEATURE_EXTRACTORS_REGISTRY:
        torch_fidelity.register_feature_extractor("mean-colours", MeanColours)
    return {"feature_extractor": "mean-colours"}


def test_fid_and_kid_are_those_of_their_papers():
    extractor = _mean_colour_extractor()
    rng = np.random.default_rng(0)
    colours = [rng.integers(low, 200, (24, 1, 1, 3), dtype=np.uint8) for low in (0, 60)]
    outputs, targets = (np.broadcast_to(c, (24, 4, 4, 3)).copy() for c in colours)
    x, y = (c[:, 0, 0].astype(np.float64) for c in colours)
    found = fid_and_kid(outputs, targets, CPU, **extractor)
    spread = np.cov(x.T), np.cov(y.T)
    root = np.sum(np.sqrt(np.linalg.eigvals(spread[0] @ spread[1]).astype(complex)))
    fid = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(spread[0] + spread[1]) - 2 * root.real
    assert found["fid"] == pytest.approx(fid, rel=1e-5)
    xx, xy, yy = (((a @ b.T) / 3 + 1) ** 3 for a, b in ((x, x), (x, y), (y, y)))
    inside = [(kernel.sum() - np.trace(kernel)) / (24 * 23) for kernel in (xx, yy)]
    assert found["kid"] == pytest.approx(sum(inside) - 2 * xy.mean(), rel=1e-4)
    same = fid_and_kid(targets, targets, CPU, **extractor)
    assert same["fid"] == pytest.approx(0, abs=1e-6)


def test_fid_of_one_face_is_an_error():
    with pytest.raises(FaceRefError, match="two faces or more, got 1"):
        fid_and_kid(_faces(1), _faces(1), CPU)


@pytest.mark.parametrize("name", ["lpips_alex", "lpips_vgg", "lpips_squeeze", "dists", "fid"])
def test_without_weights_there_is_no_number(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
):
    pytest.importorskip("torchmetrics")
    pytest.importorskip("torch_fidelity")
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(FaceRefError, match=rf"Not available: .*{name}.*facebench weights fetch"):
        open_extras([name], CPU)


@pytest.mark.parametrize("package", ["torchmetrics", "torch_fidelity"])
def test_without_its_package_a_metric_says_what_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FaceRefError, match=rf"{package}.*face-ref\[metrics\]"):
        open_extras(["dists" if package == "torchmetrics" else "kid"], CPU)


def test_names_of_extra_metrics():
    assert parse_names("dists, fid,dists") == ["dists", "fid"]
    with pytest.raises(FaceRefError, match="Did you mean 'lpips_vgg'"):
        parse_names("lpips_vg")
    with pytest.raises(FaceRefError, match="Not available: niqe"):
        parse_names("niqe")
    assert set(EXTRAS) <= set(METRIC_INFO)


def test_likeness_needs_an_embedder_that_did_not_mine():
    with pytest.raises(FaceRefError, match="Not available: usage"):
        open_extras(["usage"], CPU)
    embedder = MeanColour()
    with pytest.raises(FaceRefError, match="chose the references"):
        open_extras(["identity"], CPU, embedder, embedder.provenance())


@pytest.fixture
def mined(tiny_face_ref: Path, tmp_path: Path) -> Path:
    """A Face_Ref mined by an embedder that is not MeanColour."""
    root = tmp_path / "face_ref"
    shutil.copytree(tiny_face_ref, root)
    manifest = json.loads((root / "face_ref.json").read_text())
    manifest["embedder"] = {"models": {"recognition": {"sha256": "b" * 64}}}
    (root / "face_ref.json").write_text(json.dumps(manifest))
    return root


def test_results_hold_extra_metrics_and_what_made_them(
    mined: Path, squeezenet: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fidelity, "inception", _mean_colour_extractor)
    mining = json.loads((mined / "face_ref.json").read_text())["embedder"]
    names = ["lpips_squeeze", "identity", "usage", "landmarks", "fid"]
    extras = open_extras(names, CPU, MeanColour(), mining)
    # `fid` is opened by its weights, which the extractor of this test does not have.
    face_ref, setting = FaceRef.open(mined), Setting("folder-x8@1")
    found = evaluate(face_ref, "nearest_reference", setting, extras=extras)
    back = read(write(found, tmp_path / "results"))
    assert set(back.scores) == {*METRICS, "lpips_squeeze", "identity", "usage", "landmarks"}
    assert back.scores["landmarks"] == [None] * 6
    assert "landmarks" not in back.means
    assert back.means["usage"] == pytest.approx(1 - back.means["identity"], abs=2e-4)
    assert back.means["lpips_squeeze"] > 0
    assert set(back.set_scores) == {"fid"}
    assert back.metric_sources["lpips_squeeze"]["protocol"] == "lpips_squeeze@1"
    assert len(back.metric_sources["lpips_squeeze"]["weights"]) == 2
    assert back.metric_sources["identity"]["embedder"]["name"] == "mean colour"


def test_metrics_opened_once_score_each_evaluation_by_its_own_outputs(mined: Path):
    face_ref, setting = FaceRef.open(mined), Setting("folder-x8@1")
    names = ["identity", "usage", "landmarks"]
    extras = open_extras(names, CPU, MeanColour(), face_ref.manifest["embedder"])
    for method in ("bicubic", "nearest_reference", "bicubic"):
        alone = open_extras(names, CPU, MeanColour(), face_ref.manifest["embedder"])
        expected = evaluate(face_ref, method, setting, extras=alone)
        found = evaluate(face_ref, method, setting, extras=extras)
        assert found.scores == expected.scores
        assert {len(row) for row in found.scores.values()} == {6}


def test_a_pasted_reference_shows_in_usage(mined: Path):
    face_ref, setting = FaceRef.open(mined), Setting("folder-x8@1")
    names = ["identity", "usage", "landmarks"]
    extras = open_extras(names, CPU, MeanColour(), face_ref.manifest["embedder"])
    pasted = evaluate(face_ref, "nearest_reference", setting, extras=extras)
    honest = evaluate(face_ref, "bicubic", setting, extras=extras)
    targets = embed_all(MeanColour(), face_ref.images("test"))
    strangers = cosines(np.roll(targets, len(targets) // 2, 0), targets).mean()
    assert honest.means["identity"] > 0.9999 > pasted.means["identity"]
    assert strangers < 0.9999
    assert honest.means["usage"] == 0
    assert pasted.means["usage"] == pytest.approx(1 - pasted.means["identity"], abs=2e-4)
    assert pasted.scores["landmarks"] == [None] * 6
    assert "landmarks" not in pasted.means


def test_usage_of_images_from_outside_is_refused(mined: Path, tmp_path: Path):
    mining = {"models": {"recognition": {"sha256": "b" * 64}}}
    extras = open_extras(["usage"], CPU, MeanColour(), mining)
    with pytest.raises(FaceRefError, match="Not available: usage"):
        evaluate_predictions(FaceRef.open(mined), tmp_path, "mine", Setting("folder-x8@1"), extras)


def test_the_command_fails_before_it_scores(
    mined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("torchmetrics")
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    out = tmp_path / "results"
    arguments = ["evaluate", str(mined), "--method", "bicubic", "--metrics", "lpips_alex"]
    found = CliRunner().invoke(app, [*arguments, "--results", str(out)])
    assert found.exit_code == 1
    assert "Not available: lpips_alex" in found.output
    assert not out.exists()


def test_embeddings_are_made_once(mined: Path):
    class Counting(MeanColour):
        calls = 0

        def embed(self, faces: np.ndarray) -> np.ndarray:
            Counting.calls += len(faces)
            return super().embed(faces)

    faces = read_faces(FaceRef.open(mined), Setting("folder-x8@1"))
    mining = {"models": {"recognition": {"sha256": "b" * 64}}}
    extras = open_extras(["identity", "usage"], CPU, Counting(), mining)
    found = extras.score(faces.hr, faces, 0)
    assert Counting.calls == 2 * len(faces)
    assert found.scores["identity"] == [1.0] * len(faces)

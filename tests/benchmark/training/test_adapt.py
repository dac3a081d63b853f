"""A network adapted to a pool: what is learnt, written, read, scored and refused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import benchmark
from benchmark.memory import fit, regression
from benchmark.memory.fit import choose_faces, learn_errors
from benchmark.methods.model import Model
from benchmark.protocol.tasks import TASKS
from benchmark.results.caveats import caveats_of
from benchmark.results.result import Result
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.files import file_sha256


@pytest.fixture(scope="module", autouse=True)
def _one_penalty() -> Iterator[None]:
    """And two folds: more of either are tested beside the regression, and take longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regression, "PENALTIES", (0.1,))
        patch.setattr(fit, "FOLDS", 2)
        yield


@pytest.fixture(scope="module")
def adapted(tiny_face_ref: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bicubic with the memory of its errors on the tiny set."""
    out = tmp_path_factory.mktemp("adapted") / "mine.safetensors"
    benchmark.adapt("bicubic", tiny_face_ref, out=out, progress=False)
    return out


@pytest.fixture(scope="module")
def run(tiny_face_ref: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "srcnn"
    benchmark.train(tiny_face_ref, "srcnn", budget="debug", out=out, progress=False)
    return out


def _scored(method: str, faces: Path, weights: Path | None) -> Result:
    return benchmark.evaluate(method, faces, weights=weights, results=None, progress=False)


class Dark(nn.Module):
    """Bicubic, but always too dark by the same amount."""

    def forward(self, lr: Tensor) -> Tensor:
        return benchmark.upsample(lr, 8).clamp(0.3, 1) - 0.2


def test_an_error_that_is_always_the_same_is_taken_away(tiny_face_ref: Path):
    found = benchmark.adapt(Dark(), tiny_face_ref, progress=False)
    lr = torch.rand(2, 3, 16, 16) * 0.2 + 0.4
    with torch.no_grad():
        made = found(lr, torch.zeros(2, 0, 3, 128, 128))
    assert (made - Dark()(lr)).mean().item() == pytest.approx(0.2, abs=0.05)


def test_it_is_as_good_as_it_says_or_leaves_the_network_alone(tiny_face_ref: Path, adapted: Path):
    model = benchmark.load_model(adapted)
    assert model.adaptation is not None
    assert model.adaptation.gain is not None
    plain, mine = (
        _scored("bicubic", tiny_face_ref, None),
        _scored("bicubic", tiny_face_ref, adapted),
    )
    assert mine.means["psnr_rgb"] > plain.means["psnr_rgb"] - 0.05


def test_the_file_says_what_it_is(tiny_face_ref: Path, adapted: Path):
    model = benchmark.load_model(adapted)
    found = model.adaptation
    assert found is not None
    assert (found.by, found.whole, found.references) == ("memory", True, 0)
    assert found.faces == FaceRef.open(tiny_face_ref).count("train")
    assert file_sha256(adapted) in adapted.with_name("mine.safetensors.sha256").read_text()
    card = adapted.with_suffix(".md").read_text()
    assert "Bicubic + error memory" in card
    assert found.pool[:12] in card
    assert "facebench evaluate FACE_REF --method bicubic --weights mine.safetensors" in card


def test_a_card_names_evaluate_only_where_it_can_score_the_file(
    tiny_face_ref: Path, tmp_path: Path, run: Path
):
    """Without the report of its training nobody knows which faces a network has seen."""
    for forgotten in (False, True):
        model = benchmark.load_model(run)
        if forgotten:
            del model.facts["training"]
        out = tmp_path / f"{forgotten}.safetensors"
        benchmark.adapt(model, tiny_face_ref, out=out, progress=False)
        card = out.with_suffix(".md").read_text()
        assert ("facebench evaluate" in card) != forgotten
        assert "facebench upscale" in card


def test_a_result_says_to_what_its_network_was_adapted(tiny_face_ref: Path, adapted: Path):
    result = _scored("bicubic", tiny_face_ref, adapted)
    assert result.method == "bicubic+memory"
    assert result.title == "Bicubic + error memory"
    assert result.adaptation is not None
    assert result.adaptation["by"] == "memory"
    assert result.macs is not None
    assert result.macs > 10_000_000


def test_what_is_read_again_computes_the_same(tiny_face_ref: Path, tmp_path: Path, run: Path):
    made = benchmark.adapt(run, tiny_face_ref, progress=False)
    kept = benchmark.adapt(run, tiny_face_ref, out=tmp_path / "a.safetensors", progress=False)
    again = benchmark.load_model(tmp_path / "a.safetensors")
    lr = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(kept(lr), again(lr))
        assert torch.allclose(made(lr), again(lr), atol=1e-3)  # Sums round as memory lies.


def test_it_is_the_same_for_parts_of_a_pool_of_one_seed(tiny_face_ref: Path):
    faces = FaceRef.open(tiny_face_ref)
    one, same, other = (choose_faces(faces, 8, seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    result = benchmark.adapt("bicubic", faces, faces=8, progress=False)
    assert isinstance(result, Model)
    assert result.adaptation is not None
    assert result.adaptation.suffix == "+memory-of-8"


def test_a_network_with_references_is_given_as_many_as_when_it_learnt(
    tiny_face_ref: Path, tmp_path: Path
):
    out = tmp_path / "mean.safetensors"
    benchmark.adapt("mean_reference", tiny_face_ref, out=out, references=2, progress=False)
    result = benchmark.evaluate(
        "mean_reference", tiny_face_ref, weights=out, references=5, results=None, progress=False
    )
    assert (result.references, result.reference_list) == (2, "refs_lr")


def test_fine_tuning_changes_the_weights_and_not_the_network_that_was_given(
    tiny_face_ref: Path, tmp_path: Path, run: Path
):
    trained = benchmark.load_model(run)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    out = tmp_path / "tuned.safetensors"
    tuned = benchmark.adapt(trained, tiny_face_ref, by="tuning", steps=2, out=out, progress=False)
    after = tuned.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(torch.equal(before[name], trained.state_dict()[name]) for name in before)
    result = _scored("srcnn", tiny_face_ref, out)
    assert result.title == "SRCNN, fine-tuned 2 steps"
    assert result.budget == "debug"


def test_an_adaptation_is_written_over_another_but_not_by_one_that_diverged(
    tiny_face_ref: Path, tmp_path: Path, run: Path
):
    out = tmp_path / "mine.safetensors"
    for _ in range(2):
        benchmark.adapt("bicubic", tiny_face_ref, out=out, progress=False)
    before = file_sha256(out)
    model = benchmark.load_model(run)
    with torch.no_grad():
        next(model.network.parameters()).fill_(torch.nan)
    with pytest.raises(FaceRefError, match=r"diverged\. Give a lower --learning-rate than 0\.0002"):
        benchmark.adapt(model, tiny_face_ref, by="tuning", steps=2, out=out, progress=False)
    assert file_sha256(out) == before

    class Nothing(nn.Module):
        def forward(self, lr: Tensor) -> Tensor:
            return benchmark.upsample(lr, 8) * torch.nan

    with pytest.raises(FaceRefError, match="not finite"):
        benchmark.adapt(Nothing(), tiny_face_ref, progress=False)


def test_that_the_pool_was_of_another_set_is_said(tiny_face_ref: Path, adapted: Path):
    result = _scored("bicubic", tiny_face_ref, adapted)
    assert caveats_of([result]) == []
    elsewhere = {**(result.adaptation or {}), "pool": "e" * 64}
    (said,) = caveats_of([replace(result, adaptation=elsewhere)])
    assert "may hold faces of its test split: Bicubic + error memory" in said


def test_an_adapted_network_upscales(adapted: Path):
    upscaler = benchmark.Upscaler(adapted, aligned=True)
    crop = np.full((20, 20, 3), 128, np.uint8)
    assert upscaler(crop).image.shape == (128, 128, 3)
    assert upscaler.face_upscaler.networks[8].count == 0


def test_memory_that_is_used_is_that_of_the_cells_that_were_seen(tiny_face_ref: Path):
    """What is learnt of the rows that are asked for: no other face is looked at."""
    faces = FaceRef.open(tiny_face_ref)
    network = benchmark.load_model("bicubic").network
    rows = choose_faces(faces, None, 0)
    seen: list[int] = []

    class Counting(nn.Module):
        def forward(self, lr: Tensor, refs: Tensor) -> Tensor:
            seen.append(len(lr))
            return network(lr, refs)

    learn_errors(Counting(), faces, rows[::2], scale=8)
    assert sum(seen) == len(rows[::2])


def test_what_cannot_be_adapted_says_why(tiny_face_ref: Path, tmp_path: Path, adapted: Path):
    out = tmp_path / "x.safetensors"
    with pytest.raises(FaceRefError, match="only methods of the registry"):
        benchmark.adapt(Dark(), tiny_face_ref, out=out, progress=False)
    with pytest.raises(FaceRefError, match="is adapted already"):
        benchmark.adapt(adapted, tiny_face_ref, out=out, progress=False)
    with pytest.raises(FaceRefError, match="1 faces of 1 people are too few"):
        benchmark.adapt("bicubic", tiny_face_ref, faces=1, progress=False)
    with pytest.raises(FaceRefError, match="memory"):
        benchmark.adapt("bicubic", tiny_face_ref, by="magic", progress=False)
    with pytest.raises(FaceRefError, match="has nothing to train"):
        benchmark.adapt("bicubic", tiny_face_ref, by="tuning", progress=False)
    with pytest.raises(
        FaceRefError, match=r"x: exported weights end in \.safetensors. Give .*x\.safetensors"
    ):
        benchmark.adapt("bicubic", tiny_face_ref, out=tmp_path / "x", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_file_whose_adaptation_is_not_readable_is_an_error(tmp_path: Path):
    from benchmark.training.export import write_weights

    model = benchmark.load_model("bicubic")
    out = tmp_path / "odd.safetensors"
    facts = {"method": "bicubic", "adaptation": json.dumps({"by": "memory"})}
    write_weights(out, {"a": torch.zeros(1)}, facts)
    with pytest.raises(FaceRefError, match="lacks error_taken"):
        benchmark.load_model(out)
    assert model.adaptation is None


def test_a_transfer_is_from_other_faces(tiny_face_ref: Path, run: Path):
    transfers = [name for name, task in TASKS.items() if task.trained_on]
    assert "lfw-to-celeba-wild-x8@1" in transfers
    with pytest.raises(FaceRefError, match="trained on the very set"):
        benchmark.evaluate(
            "srcnn", tiny_face_ref, weights=run, task="lfw-to-sample-x8@1", results=None
        )

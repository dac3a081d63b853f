"""What the card of a set says of its lists and its bound, for every way that they can be made."""

from pathlib import Path
from typing import Any

import pytest

from faceref.dataset.card import write
from faceref.dataset.face_ref import FaceRef

K = 4


@pytest.fixture(scope="module")
def manifest(tiny_build: Path) -> dict[str, Any]:
    return dict(FaceRef.open(tiny_build).manifest)


def _text(manifest: dict[str, Any]) -> str:
    return " ".join(write(manifest).split())


@pytest.mark.parametrize(
    ("value", "method", "said"),
    [
        (0.4, "given", "above 0.4 are dropped as probably the same person (given)."),
        (0.4, "same-person threshold", "(the threshold from which images without labels are"),
        (0.4, "same-person quantile", "(the 25% quantile of 1,200 same-person pairs)."),
        (None, "same-person threshold", "No threshold was found from which two images show one"),
        (None, "none: no person with two images", "No person has two images in train, so no"),
    ],
)
def test_the_bound_is_said_as_it_was_found(
    manifest: dict[str, Any], value: float | None, method: str, said: str
):
    quantile = 0.25 if method.endswith("quantile") else None
    bound = {"value": value, "method": method, "quantile": quantile, "pairs": 1200}
    thresholds = {**manifest["thresholds"], "max_similarity": bound}
    text = _text({**manifest, "thresholds": thresholds})
    assert said in text
    assert ("No person has two images" in text) is method.startswith("none")


@pytest.mark.parametrize(
    ("kinds", "hr", "lr"),
    [
        (
            ("identity", "appearance"),
            "the identity embedding of the HR face, what mining can know",
            "the pixels of the 16x16 face, what a deployed",
        ),
        (
            ("appearance", "identity"),
            "the pixels of the 16x16 face;",
            "identity, as the LR encoder",
        ),
        (
            ("both", "both"),
            "the identity embedding of the HR face and the pixels of the 16x16 face, what mining",
            "identity, as the LR encoder of this set reads it off the 16x16 face, and by its",
        ),
    ],
)
def test_each_list_is_said_to_be_by_its_likeness(
    manifest: dict[str, Any], kinds: tuple[str, str], hr: str, lr: str
):
    likeness = dict(zip(("refs_hr", "refs_lr"), kinds, strict=True))
    text = _text({**manifest, "mining": {**manifest["mining"], "likeness": likeness}})
    assert f"- `refs_hr`: nearest by {hr}" in text
    assert f"- `refs_lr`: nearest by {lr}" in text


def test_lists_that_may_be_shorter_are_said_to_be_at_most_that_long(manifest: dict[str, Any]):
    full = 2 * K * sum(manifest["counts"].values())
    for count, said in ((full, f"lists of {K} look"), (full - 1, f"lists of at most {K} look")):
        certificate = {**manifest["leak_certificate"], "references_checked": count}
        assert said in _text({**manifest, "leak_certificate": certificate})

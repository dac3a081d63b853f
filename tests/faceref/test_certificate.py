from copy import deepcopy

import pytest

from faceref.certificate import LeakError, certify


def _rows() -> list[dict]:
    def row(name: str, split: str, refs: list[str]) -> dict:
        listed = [{"image_id": ref, "score": 0.5} for ref in refs]
        return {
            "image_id": f"{name}/1",
            "identity": name,
            "split": split,
            "refs_hr": listed,
            "refs_lr": deepcopy(listed),
        }

    return [
        row("a", "train", ["b/1"]),
        row("b", "train", ["a/1"]),
        row("c", "val", ["a/1", "b/1"]),
        row("d", "test", ["b/1", "a/1"]),
    ]


def test_a_clean_set_is_certified():
    found = certify(_rows(), 0.6)
    assert found["references_checked"] == 12
    assert found["identities"] == {"train": 2, "val": 1, "test": 1}


def _leak(field: str, value: object, row: int = 3) -> list[dict]:
    rows = _rows()
    rows[row][field] = value
    return rows


PLANTED = {
    "share": _leak("identity", "a"),
    "itself": _leak("refs_hr", [{"image_id": "a/1", "score": 0.1}], row=0),
    "the same person": _leak("refs_lr", [{"image_id": "b/1", "score": 0.1}], row=1),
    "in val": _leak("refs_lr", [{"image_id": "c/1", "score": 0.1}]),
    "given twice": _leak("refs_hr", [{"image_id": "a/1", "score": 0.1}] * 2),
    "above the bound": _leak("refs_hr", [{"image_id": "a/1", "score": 0.61}]),
}
PLANTED["the same person"][0]["identity"] = "b"


@pytest.mark.parametrize("reason", PLANTED)
def test_each_planted_leak_is_found(reason: str):
    with pytest.raises(LeakError, match=reason):
        certify(PLANTED[reason], 0.6)

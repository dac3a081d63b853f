"""What the study of transfer makes, and what it knows already."""

from typing import Any

import pytest

from reports.scripts.transfer import Study


class Known(Study):
    """A study that trains nothing, of rows that are known."""

    def __init__(self, rows: dict[str, Any]) -> None:
        self.rows, self.count, self.made = rows, 0, []

    def known(self) -> dict[str, Any]:
        return self.rows

    def adapt(self, way: Any, rows: Any = None) -> Any:
        return way

    def tune_as_long(self) -> None:
        self.written("tuned, 30 steps", None, tried={})

    def written(self, row: str, model: Any, **more: Any) -> None:
        self.made.append(row)
        self.rows[row] = tuned(int(row.split()[1])) | more


def tuned(steps: int) -> dict[str, Any]:
    return {"adaptation": {"steps": steps, "learning_rate": 4e-4}}


@pytest.mark.parametrize(
    ("known", "made"),
    [
        ({}, [30, 300]),
        ({7: {}, 70: {}}, [30, 300]),
        ({7: {}, 70: {}, 30: {"tried": {}}}, [300]),
        ({30: {"tried": {}}, 300: {}}, []),
    ],
)
def test_fine_tuning_goes_on_where_it_was(known: dict[int, Any], made: list[int]):
    study = Known({f"tuned, {steps} steps": tuned(steps) | more for steps, more in known.items()})
    study.tune()
    assert study.made == [f"tuned, {steps} steps" for steps in made]

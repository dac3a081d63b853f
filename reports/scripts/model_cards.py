"""The model cards of the exported weights, from the result files in `reports/`.

python reports/scripts/model_cards.py
"""

from __future__ import annotations

from pathlib import Path

from benchmark.report.model_card import write_card
from benchmark.results.files import read_all
from benchmark.results.result import Result
from faceref.files import write_text
from faceref.reading.weights import safetensors_metadata
from faceref.release.policy import Licence

ROOT = Path(__file__).parents[2]
TERMS = Licence("other", "lfw-research", "https://vis-www.cs.umass.edu/lfw/")
FOLDERS = ("results", "perception", "training_length")
"""Where the results of exported weights are: leaderboards, and the studies of other trainings."""


def results_of_weights() -> list[Result]:
    """The results that exported weights have, among others."""
    return [result for name in FOLDERS for result in read_all(ROOT / "reports" / name)]


def cards() -> dict[Path, str]:
    """The text of every card by the file that it is about."""
    results = results_of_weights()
    made: dict[Path, str] = {}
    for file in sorted((ROOT / "weights").glob("*/*.safetensors")):
        weights = safetensors_metadata(file, "Export it again.")["weights_sha256"]
        made[file] = write_card(results, file.stem, TERMS, weights)
    return made


def main() -> None:
    """Write every card beside its file."""
    for file, text in cards().items():
        write_text(file.with_suffix(".md"), text)


if __name__ == "__main__":
    main()

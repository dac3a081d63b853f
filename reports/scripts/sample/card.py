"""Measure a folder of synthetic faces and write its data card.

    python reports/scripts/sample/card.py FACES_DIR --pack PACK [--compare DIR] [--timing]
        [--out FILE]

writes the card and, beside it, the numbers (`measured.json`). With `--reuse` the numbers are read
from there, and `--edsr-gain DB` adds the gain of a trained EDSR over bicubic to them.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import CardData

from faceref.dataset import card
from faceref.files import write_json, write_text
from faceref.synthetic.generate import read_description

sys.path.insert(0, str(Path(__file__).parents[3]))  # so that it runs by its path

from reports.scripts.sample import measure

NUMBERS = "measured.json"
COMPARED = 500
"""Images of another set that its spectrum is measured on."""
NOT_YET = "not measured"


def measure_faces(
    folder: Path, pack: Path, compare: Sequence[Path], timing: bool
) -> dict[str, Any]:
    """All numbers of the card but the EDSR gain."""
    faces = measure.load_faces(folder)
    numbers: dict[str, Any] = {"images": len(faces.images)}
    numbers["bytes"] = sum((folder / f"{name}.jpg").stat().st_size for name in faces.names)
    runs = {"scrfd": measure.run_insightface(faces, pack), "dlib": measure.run_dlib(faces)}
    for name, found in runs.items():
        numbers[name] = {"detected": float(found.detected.mean())}
        numbers[name] |= measure.recognition(found, faces.identities)
    numbers["scrfd"]["landmark_error"] = runs["scrfd"].landmark_error
    psnr = [measure.bicubic_psnr(image) for image in faces.images]
    numbers["psnr"] = {"mean": sum(psnr) / len(psnr), "min": min(psnr), "max": max(psnr)}
    numbers["slope"] = measure.spectrum_slope(faces.images)
    for other in compare:
        crops = measure.centre_crops(other, len(faces.images[0]), COMPARED)
        mean = sum(measure.bicubic_psnr(image) for image in crops) / len(crops)
        entry = {"slope": measure.spectrum_slope(crops), "psnr": mean}
        numbers.setdefault("compared", {})[other.name] = entry
    if timing:
        numbers["seconds"] = {str(n): measure.seconds_per_image(n) for n in (1, 2)}
    return numbers


def _shown(value: float | None, form: str) -> str:
    return NOT_YET if value is None or math.isnan(value) else format(value, form)


def _compared(others: Mapping[str, Any], key: str) -> str:
    parts = [f"{entry[key]:.2f} ({name})" for name, entry in others.items()]
    return ", ".join(parts) or NOT_YET


RECOGNITION = (
    ("faces detected", "detected", ".1%", ">= 98 %"),
    ("ROC AUC", "auc", ".4f", ">= 0.97"),
    ("same identity, mean", "same", ".3f", ""),
    ("different, mean", "different", ".3f", ""),
    ("other identity, mean", "mean_other", ".3f", ""),
    ("nearest other identity, 5 %", "nearest_other_q05", ".3f", ""),
    ("nearest other identity, median", "nearest_other", ".3f", "well above the mean"),
    ("nearest other identity, 95 %", "nearest_other_q95", ".3f", ""),
)
"""Title, key in the numbers of both embedders, format and target of a row."""
Row = tuple[str, str, str, str]


def table(numbers: Mapping[str, Any]) -> str:
    """The markdown table of the card."""
    rows: list[Row] = [("quantity", "MobileFaceNet / SCRFD", "dlib ResNet / HOG", "target")]
    rows.append(("---", "---", "---", "---"))
    scrfd, dlib = numbers["scrfd"], numbers["dlib"]
    rows += [(t, _shown(scrfd[k], f), _shown(dlib[k], f), goal) for t, k, f, goal in RECOGNITION]
    error = _shown(scrfd["landmark_error"], ".1%")
    rows.append(("landmark distance / eye distance", error, "", ""))
    rows += [("", "**this sample**", "**photographs**", ""), *_difficulty(numbers)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _difficulty(numbers: Mapping[str, Any]) -> list[Row]:
    """Rows of super-resolution and speed."""
    psnr, seconds = numbers["psnr"], numbers.get("seconds", {})
    spread = f"{psnr['mean']:.2f} ({psnr['min']:.1f} to {psnr['max']:.1f})"
    others = numbers.get("compared", {})
    dim, steep = (_compared(others, key) for key in ("psnr", "slope"))
    gain = _shown(numbers.get("edsr_gain"), "+.2f")
    return [
        ("bicubic x8 PSNR-Y, dB", spread, dim, "20 to 27"),
        ("power spectrum slope", _shown(numbers["slope"], ".2f"), steep, "near"),
        ("EDSR over bicubic, held-out identities, dB", gain, "", ">= 1"),
        ("seconds an image, 1 process", _shown(seconds.get("1"), ".2f"), "", ""),
        ("seconds an image, 2 processes", _shown(seconds.get("2"), ".2f"), "", ""),
    ]


def write_card(folder: Path, numbers: Mapping[str, Any], out: Path) -> None:
    """Write the data card of `folder` with its `numbers`."""
    description: dict[str, Any] = dict(read_description(folder))
    values = description | description["recipe"] | description["packages"]
    values |= {"images": numbers["images"], "kilobytes": round(numbers["bytes"] / 1000)}
    header = CardData(
        license="cc0-1.0",
        pretty_name="Face_Ref synthetic sample",
        size_categories=["n<1K"],
    )
    template = Path(__file__).with_name("card.md.jinja")
    write_text(out, card.render(template, header, **values, table=table(numbers)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure synthetic faces and write their card.")
    parser.add_argument("faces", type=Path, metavar="FACES_DIR", help="made by `faceref synth`")
    parser.add_argument("--pack", type=Path, help="folder with SCRFD and MobileFaceNet (ONNX)")
    photographs = "folder of photographs; repeatable"
    parser.add_argument("--compare", type=Path, action="append", default=[], help=photographs)
    parser.add_argument("--timing", action="store_true", help="measure seconds an image")
    parser.add_argument("--reuse", action="store_true", help=f"read {NUMBERS} instead of measuring")
    gain = "dB of EDSR over bicubic, from the benchmark"
    parser.add_argument("--edsr-gain", type=float, help=gain)
    parser.add_argument("--out", type=Path, default=Path("README.md"), help="the card to write")
    return parser


def main() -> None:
    """The command line."""
    parser = _parser()
    given = parser.parse_args()
    store = given.out.with_name(NUMBERS)
    if given.reuse:
        numbers = json.loads(store.read_text(encoding="utf-8"))
    elif given.pack is None:
        parser.error("--pack is needed unless --reuse is given")
    else:
        numbers = measure_faces(given.faces, given.pack, given.compare, given.timing)
    if given.edsr_gain is not None:
        numbers["edsr_gain"] = given.edsr_gain
    write_json(store, numbers)
    write_card(given.faces, numbers, given.out)
    print(table(numbers))


if __name__ == "__main__":
    main()

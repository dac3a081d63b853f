"""Page and figure of `upscale_sizes.json`.

python reports/scripts/upscale_sizes_page.py [--out reports]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmark.report.style import COLOURS, FULL_WIDTH, PLAIN, figure_of, save_figure
from faceref.files import write_text
from faceref.markdown import markdown_table

NAME = "upscale_sizes"
HEAD = """# What `upscale` does to faces of 12 to 128 pixels

The size of a face is the side of the square frame that it is aligned to, in pixels of the
photograph: about 1.6 times the width of its box. {faces} faces of test of LFW (`{revision}`) are
shrunk to each size with what is around them, turned by up to ten degrees and shifted by parts of a
pixel, 25 to a photograph. The enlarged face is brought back to its frame and compared with the true
one. Identity is the cosine of two embeddings; LPIPS (AlexNet) is a distance, lower is better.
Networks: {networks}. By `reports/scripts/upscale_sizes.py`; numbers in `upscale_sizes.json`.

{worse}

This is of clean photographs. A result agrees with all pixels of the photograph, with what JPEG or
noise put there, too, which bicubic upsampling smooths. Tool less bicubic in dB, tried by hand: ten
faces of val at each of five sizes (16 to 64 px), JPEG of quality 75 +0.2 to -0.15, quality 40 -0.2
to -0.5, noise of SD 5 +0.9 to -0.3, of SD 10 +0.2 (16 px) to -1.3; 50 faces of val at 64 and 96 px,
quality 90 +0.5 and +0.4, quality 75 -0.2 and -0.3, noise of SD 5 -0.6 and -1.2. So large faces of
noisy photographs, or of JPEG of quality 75, come out worse than bicubic.

![PSNR, LPIPS and identity by size](figures/upscale_sizes.png)
"""
TABLE = """## Test: the tool, with the network of the size

| | |
| --- | --- |
| bicubic | the photograph upsampled, as it is where no face is found |
| gain | PSNR-Y of the tool over it, dB, with 95 % interval over faces |
| agreed | bicubic, made to agree with the photograph as results are, without a network |
| detected | the tool with landmarks of a detector: faces found, and its gain over all faces |
"""
CHOICE = """
## Val: which network at which size

{faces} faces, PSNR-Y in dB, each network at every size; the best in bold. The limits in
`benchmark/upscaling/networks.py` are the largest sizes, of those measured, at which a network is
best.
"""


def best_on_val(known: dict[str, Any]) -> dict[int, int | None]:
    """The scale of the best network at each size on val; None where none is over `agreed`."""
    found: dict[int, int | None] = {}
    for row in rows_of(known, "val"):
        way = max(("agreed", "x8", "x4"), key=lambda way: row[way]["psnr_y"]["mean"])
        found[row["size"]] = None if way == "agreed" else int(way[1:])
    return found


def rows_of(known: dict[str, Any], split: str) -> list[dict[str, Any]]:
    """The sizes of a split, in order."""
    return [row for row in known["rows"] if row["split"] == split]


def page(known: dict[str, Any]) -> str:
    """The tables, in Markdown."""
    test, val = rows_of(known, "test"), rows_of(known, "val")
    names = [
        f"{one['method']} x{one['scale']} (`{one['weights_sha256'][:12]}`)"
        for one in known["networks"]
    ]
    head = HEAD.format(
        faces=test[0]["faces"],
        revision=known["data_revision"][:12],
        networks=", ".join(names),
        worse=_worse(test),
    )
    columns = ["size, px", "network", "bicubic, dB", "agreed", "gain", "LPIPS: bicubic", "tool"]
    columns += ["identity: bicubic", "tool", "detected, %", "gain"]
    table = markdown_table(columns, map(_cells, test), "r" * len(columns))
    lines = [head, TABLE, *table, CHOICE.format(faces=val[0]["faces"])]
    ways = ("bicubic", "agreed", "x8", "x4")
    lines += markdown_table(["size, px", *ways], [_choice(row, ways) for row in val], "rrrrr")
    return "\n".join(lines) + "\n"


def _worse(test: list[dict[str, Any]]) -> str:
    touched = [row for row in test if row["network"]]
    below = sum(row["tool"]["below_bicubic"] for row in touched)
    faces = sum(row["faces"] for row in touched)
    return f"Of {faces:,} faces that a network drew, {below} are below bicubic in PSNR-Y."


def _cells(row: dict[str, Any]) -> list[str]:
    def mean(way: str, metric: str, digits: int = 3) -> str:
        return f"{row[way][metric]['mean']:.{digits}f}"

    return [
        str(row["size"]),
        f"x{row['network']}" if row["network"] else "none",
        mean("bicubic", "psnr_y", 2),
        mean("agreed", "psnr_y", 2),
        _gain(row["tool"]),
        mean("bicubic", "lpips"),
        mean("tool", "lpips"),
        mean("bicubic", "identity"),
        mean("tool", "identity"),
        f"{100 * row['detected_share']:.1f}",
        f"{row['detected']['psnr_y']['over_bicubic'][0]:+.2f}",
    ]


def _gain(way: dict[str, Any]) -> str:
    mean, low, high = way["psnr_y"]["over_bicubic"]
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]" if mean else "0"


def _choice(row: dict[str, Any], ways: tuple[str, ...]) -> list[str]:
    values = {way: row[way]["psnr_y"]["mean"] for way in ways}
    best = max(values.values())
    return [
        str(row["size"]),
        *(f"**{one:.2f}**" if one == best else f"{one:.2f}" for one in values.values()),
    ]


def draw(known: dict[str, Any]) -> Any:
    """Three panels: PSNR-Y, LPIPS and identity over the size of the face."""
    rows = rows_of(known, "test")
    sizes = [row["size"] for row in rows]
    figure, panels = figure_of(FULL_WIDTH, 2.4, 3)
    titles = {"psnr_y": "PSNR-Y, dB", "lpips": "LPIPS (lower is better)", "identity": "identity"}
    looks = (("bicubic", "bicubic", PLAIN, "o"), ("agreed", "bicubic, agreed", PLAIN, "s"))
    looks += (("tool", "upscale", COLOURS[0], "o"),)
    for axes, (metric, title) in zip(panels, titles.items(), strict=True):
        for way, label, colour, marker in looks:
            style = "--" if way == "agreed" else "-"
            values = [row[way][metric]["mean"] for row in rows]
            axes.plot(sizes, values, style, color=colour, marker=marker, ms=3, label=label)
        axes.set_xscale("log", base=2)
        axes.set_xticks([16, 32, 64, 128], ["16", "32", "64", "128"])
        axes.set_xlabel("size of the face, px")
        axes.set_title(title)
    panels[0].legend()
    figure.tight_layout()
    return figure


def main() -> None:
    """Write page and figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reports"), help="Folder.")
    given = parser.parse_args()
    known = json.loads((given.out / f"{NAME}.json").read_text(encoding="utf-8"))
    write_text(given.out / f"{NAME}.md", page(known))
    save_figure(draw(known), given.out / "figures" / f"{NAME}.png")


if __name__ == "__main__":
    main()

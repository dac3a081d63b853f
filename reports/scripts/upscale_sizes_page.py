"""Page and figures of `upscale_sizes.json`.

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
photograph: about 1.6 times the width of its bounding box. {faces} faces of LFW's test split
(`{revision}`), with what is around them, are shrunk to each size, turned by up to ten degrees and
shifted by fractions of a pixel. They are laid side by side, 25 to a photograph. After upscaling,
each face is brought back to its frame and compared with the true face. Identity is the cosine of
the embeddings of the two; LPIPS (AlexNet) is a distance, lower is better. Networks: {networks}.
By `reports/scripts/upscale_sizes.py`; numbers in `upscale_sizes.json`.

{worse}

The photographs here are clean. A result is made to agree with them: shrunk again, it gives their
pixels. A JPEG or a noisy photograph is cleaned first (`benchmark/upscaling/trust.py`), and the
result agrees with the cleaned photograph: see the [table at the end](#test-jpeg-and-noise).

![PSNR, LPIPS and identity by size](figures/upscale_sizes.png)
"""
TABLE = """## Test: the tool, with the network of the size

| | |
| --- | --- |
| bicubic | the photograph, upsampled; the tool does only this where it finds no face |
| gain | PSNR-Y of the tool minus that of bicubic, dB, with 95 % interval over faces |
| agreed | bicubic without a network, but made to agree with the photograph, as results are |
| insightface | the tool with landmarks of insightface, not known ones: faces found, gain of all |
| dlib | the same with dlib, the default of `--embedder` |

Frames that a detector finds are corrected (`benchmark/upscaling/frame_correction.py`), known ones
are not. Up to 40 px these photographs have at most 400x400 pixels, in which dlib looks for smaller
faces.
"""
CHOICE = """
## Val: which network at which size

{faces} faces, PSNR-Y in dB, each network at every size; the best in bold. The limits in
`benchmark/upscaling/networks.py` are the largest sizes, of those measured, at which a network is
best.
"""
DAMAGED = """
## Test: JPEG and noise

The same photographs, with {faces} faces, were stored as JPEG or given Gaussian noise. The number
after JPEG is its quality; its colours have half the resolution. The number after noise is its
standard deviation; noise is independent in R, G and B. The tool reads the quantisation tables of a
JPEG from the file, and it estimates noise. The column `below` counts faces below bicubic in PSNR-Y.
How strongly photographs are cleaned was chosen on val. There, at {sizes} px, the smallest mean gain
over {val_faces} faces is {least:+.2f} dB ({where}). With JPEG, LPIPS can be above that of bicubic.
Landmarks were known.

![Gain in PSNR-Y and LPIPS by size, of JPEG and noise](figures/upscale_sizes_damaged.png)

"""
DAMAGES = {
    "jpeg90": "JPEG 90",
    "jpeg75": "JPEG 75",
    "jpeg50": "JPEG 50",
    "noise2": "noise 2",
    "noise5": "noise 5",
    "noise10": "noise 10",
}


def best_on_val(known: dict[str, Any]) -> dict[int, int | None]:
    """The scale of the best network at each size on val; None where none is over `agreed`."""
    found: dict[int, int | None] = {}
    for row in rows_of(known, "val"):
        way = max(("agreed", "x8", "x4"), key=lambda way: row[way]["psnr_y"]["mean"])
        found[row["size"]] = None if way == "agreed" else int(way[1:])
    return found


def rows_of(known: dict[str, Any], split: str, damage: str = "") -> list[dict[str, Any]]:
    """The sizes of a split, in order, of clean photographs or with a damage."""
    return [
        row for row in known["rows"] if (row["split"], row.get("damage", "")) == (split, damage)
    ]


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
    columns += ["identity: bicubic", "tool", "insightface, %", "gain", "dlib, %", "gain"]
    table = markdown_table(columns, map(_cells, test), "r" * len(columns))
    lines = [head, TABLE, *table, CHOICE.format(faces=val[0]["faces"])]
    ways = ("bicubic", "agreed", "x8", "x4")
    lines += markdown_table(["size, px", *ways], [_choice(row, ways) for row in val], "rrrrr")
    return "\n".join([*lines, *_damaged(known)]) + "\n"


def _damaged(known: dict[str, Any]) -> list[str]:
    """The part on JPEG and noise."""
    val, test = (
        [row for damage in DAMAGES for row in rows_of(known, split, damage)]
        for split in ("val", "test")
    )
    least = min(val, key=_gain_of)
    head = DAMAGED.format(
        faces=test[0]["faces"],
        val_faces=least["faces"],
        least=_gain_of(least),
        sizes=", ".join(str(size) for size in sorted({row["size"] for row in val})),
        where=f"{DAMAGES[least['damage']]}, {least['size']} px",
    )
    columns = ["", "size, px", "bicubic, dB", "gain", "below", "LPIPS: bicubic", "tool"]
    return [head, *markdown_table(columns, map(_damaged_cells, test), "lrrrrrr")]


def _damaged_cells(row: dict[str, Any]) -> list[str]:
    return [
        DAMAGES[row["damage"]],
        str(row["size"]),
        f"{row['bicubic']['psnr_y']['mean']:.2f}",
        _gain(row["tool"]),
        str(row["tool"]["below_bicubic"]),
        *(f"{row[way]['lpips']['mean']:.3f}" for way in ("bicubic", "tool")),
    ]


def _gain_of(row: dict[str, Any]) -> float:
    return row["tool"]["psnr_y"]["over_bicubic"][0]


def _worse(test: list[dict[str, Any]]) -> str:
    touched = [row for row in test if row["network"]]
    known, found = (
        sum(row[way]["below_bicubic"] for row in touched) for way in ("tool", "detected")
    )
    faces = sum(row["faces"] for row in touched)
    return (
        f"Of {faces:,} faces that a network drew, {known} are below bicubic in PSNR-Y with known "
        f"landmarks, and {found} with insightface's."
    )


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
        f"{100 * row['dlib_share']:.1f}",
        f"{row['dlib']['psnr_y']['over_bicubic'][0]:+.2f}",
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
        _by_size(axes, title)
    panels[0].legend()
    figure.tight_layout()
    return figure


def draw_damaged(known: dict[str, Any]) -> Any:
    """Two panels: what the tool gains over bicubic in PSNR-Y and LPIPS, a line for each damage."""
    figure, panels = figure_of(FULL_WIDTH, 2.6, 2)
    titles = {"psnr_y": "PSNR-Y over bicubic, dB", "lpips": "LPIPS over bicubic (lower is better)"}
    for axes, (metric, title) in zip(panels, titles.items(), strict=True):
        axes.axhline(0, color=PLAIN, lw=0.8)
        for place, (damage, label) in enumerate(DAMAGES.items()):
            rows = rows_of(known, "test", damage)
            gains = [row["tool"][metric]["over_bicubic"][0] for row in rows]
            style = "-" if damage.startswith("jpeg") else "--"
            sizes = [row["size"] for row in rows]
            axes.plot(sizes, gains, style, color=COLOURS[place], marker="o", ms=3, label=label)
        _by_size(axes, title)
    panels[1].legend(loc="lower right", ncols=2)
    figure.tight_layout()
    return figure


def _by_size(axes: Any, title: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks([16, 32, 64, 128], ["16", "32", "64", "128"])
    axes.set_xlabel("size of the face, px")
    axes.set_title(title)


def main() -> None:
    """Write page and figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reports"), help="Folder.")
    given = parser.parse_args()
    known = json.loads((given.out / f"{NAME}.json").read_text(encoding="utf-8"))
    write_text(given.out / f"{NAME}.md", page(known))
    save_figure(draw(known), given.out / "figures" / f"{NAME}.png")
    save_figure(draw_damaged(known), given.out / "figures" / f"{NAME}_damaged.png")


if __name__ == "__main__":
    main()

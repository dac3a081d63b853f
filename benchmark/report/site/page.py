"""A page: leaderboard, plots and images of one folder, as plain HTML beside its images."""

from __future__ import annotations

from html import escape
from pathlib import Path

from benchmark.report.leaderboard import NOTE, columns_of, rows_of
from benchmark.report.plots import ENDS
from benchmark.results.files import read_all
from benchmark.results.ranking import leaderboard_title
from benchmark.results.result import leaderboards
from faceref.files import write_text

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
p { max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
tbody tr:first-child { background: var(--soft); font-weight: 600; }
img { max-width: 100%; height: auto; background: white; border-radius: 6px; }
figure { margin: 1rem 0 2rem; } figcaption { font-size: .9rem; opacity: .8; }
"""
CAPTIONS = {
    "comparison_refs_lr": "Each method on faces of the test split, with references found from the "
    "LR face alone. Under each image its PSNR-Y; the best of a row is dark.",
    "comparison_refs_hr": "The same with references found from the HR face.",
    "zoom_refs_lr": "Eyes and mouth, enlarged, beside the same regions of the references.",
    "contact_refs_hr": "Face_Ref: probes beside other people's faces, nearest by identity "
    "embedding.",
    "contact_refs_lr": "Face_Ref: probes beside other people's faces, nearest by the 16x16 face.",
}


def write_page(folder: Path) -> Path:
    """Write `folder/index.html` from `folder/results` and `folder/figures`; returns its path."""
    found = leaderboards(read_all(folder / "results"))
    parts = [f"<p>{escape(NOTE)}</p>".replace("`", "")]
    for key, rows in sorted(found.items()):
        parts.append(f"<h2>{escape(leaderboard_title(key)).replace('`', '')}</h2>")
        parts.append(_table(columns_of(rows), rows_of(rows)))
    figures = folder / "figures"
    plots = [path for end in ENDS for path in sorted(figures.glob(f"*-{end}.png"))]
    parts += ["<h2>Figures</h2>", *(_figure(path, "") for path in plots)]
    parts.append("<h2>Images</h2>")
    for name, caption in CAPTIONS.items():
        if (figures / f"{name}.png").exists():
            parts.append(_figure(figures / f"{name}.png", caption))
    page = folder / "index.html"
    write_text(page, _document("".join(parts)))
    return page


def _table(columns: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _figure(path: Path, caption: str) -> str:
    text = escape(caption or path.stem)
    return (
        f'<figure><a href="figures/{path.name}"><img src="figures/{path.name}" alt="{text}"></a>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Face_Ref: comparison</title><style>{STYLE}</style></head><body>"
        f"<h1>Face_Ref: super-resolution of faces with other people's faces</h1>{body}"
        "</body></html>\n"
    )

"""The command `facebench card`. Heavy imports happen inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

EPILOG = """**Examples**

`facebench card results --method msrnet --licence cc-by-nc-4.0 --out MODEL_CARD.md`

`facebench card results --method edsr --licence mine --licence-link https://example.org/terms`
"""


def card(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    method: Annotated[str, typer.Option("--method", "-m", help="Whose weights are released.")],
    licence: Annotated[
        str, typer.Option("--licence", "--license", help="Of the weights; no default.")
    ],
    licence_link: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--licence-link", "--license-link", help="Its text, if it is no usual one."),
    ] = None,
    weights: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Beginning of their SHA-256, where there are several."),
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("MODEL_CARD.md"),
) -> None:
    """Write the model card of exported weights, from the results alone."""
    from benchmark.report.model_card import write_card
    from benchmark.results.files import read_all
    from faceref.console import say
    from faceref.files import write_text
    from faceref.release.policy import stated

    terms = stated(licence, licence_link)
    assert terms is not None
    text = write_card(read_all(results), method, terms, weights)
    write_text(out, text)
    say(str(out))


def add_card(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EPILOG)(card)

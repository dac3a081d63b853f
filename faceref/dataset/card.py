"""The data-set card of a Face_Ref, `README.md`, from the template `card.md.jinja`.

Its header says to `datasets` where the rows are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceref.curation.identities import are_guessed
from faceref.dataset.store import SPLITS

if TYPE_CHECKING:
    from huggingface_hub import CardData

_FOLDER = Path(__file__).parent
_LICENCES = {"CC0-1.0": "cc0-1.0"}


def write(manifest: Mapping[str, Any]) -> str:
    """The card for a set.

    Args:
        manifest: The content of its `face_ref.json`.

    Returns:
        Markdown with a YAML header, as the Hugging Face Hub reads it.
    """
    from huggingface_hub import CardData

    names = [name for name in SPLITS if manifest["counts"][name]]
    header = CardData(
        pretty_name=f"Face_Ref ({manifest['source']})",
        license=_LICENCES.get(manifest["licence"], "other"),
        task_categories=["image-to-image"],
        tags=["face-super-resolution", "reference-based"],
        configs=[{"config_name": "default", "data_files": data_files("data", names)}],
    )
    guessed = are_guessed(manifest)
    return render(_FOLDER / "card.md.jinja", header, manifest=manifest, guessed=guessed)


def data_files(folder: str, splits: list[str]) -> list[dict[str, str]]:
    """Where `datasets` finds the rows of each split, for the header of a card."""
    return [{"split": name, "path": f"{folder}/{name}-*.parquet"} for name in splits]


def render(template: Path, header: CardData, **values: Any) -> str:
    """Fill the template of a card, which may use the macros of `card_macros.jinja`.

    Args:
        template: A Jinja template in which `card_data` is the YAML of the header.
        header: What the Hugging Face Hub reads.
        values: What else the template names.

    Returns:
        The card, Markdown.
    """
    from huggingface_hub import RepoCard

    macros = (_FOLDER / "card_macros.jinja").read_text(encoding="utf-8")
    text = macros + template.read_text(encoding="utf-8")
    return f"{RepoCard.from_template(header, template_str=text, splits=SPLITS, **values)}\n"

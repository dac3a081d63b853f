"""The card of a release, `README.md`, from the template `card.md.jinja`.

Its header is what the Hub reads, its text what people must know. Made from the manifest of the
release alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceref.curation.identities import are_guessed
from faceref.dataset import card
from faceref.dataset.store import SCHEMA, SPLITS
from faceref.release.citations import CITATIONS, TITLES
from faceref.release.format import FULL, INDEX, PLOT, RELEASE, index_schema
from faceref.release.policy import Licence

_GATE = """These data are about faces of real people, taken from {source}. By asking for access you
agree: to keep to the licence ({terms}); to hold the source lawfully where you rebuild images from
it; to use the data for research only; not to identify, verify or track anybody with them; not to
pass them on except under the same terms; and to delete what is removed from a later version."""
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


@dataclass(frozen=True)
class Size:
    """How large one split of a release is."""

    rows: int
    bytes: int
    """Of the columns, not compressed."""
    on_disk: int


def licence_of(released: Mapping[str, Any]) -> Licence:
    """The licence that the manifest of a release states."""
    return Licence(**released[RELEASE]["licence"])


def schema_of(released: Mapping[str, Any]) -> pa.Schema:
    """Columns of the rows of a release, in order."""
    release = released[RELEASE]
    return SCHEMA if release["kind"] == FULL else index_schema(release["withheld"])


def write(released: Mapping[str, Any], repo: str, contact: str, sizes: Mapping[str, Size]) -> str:
    """The card of a release.

    Args:
        released: The content of its `face_ref.json`.
        repo: `owner/name` on the Hub.
        contact: Where people ask for removal; empty for the discussions of `repo`.
        sizes: Of each split.

    Returns:
        Markdown with a YAML header, as the Hub reads it.
    """
    from huggingface_hub import DatasetCardData

    return card.render(
        Path(__file__).with_name("card.md.jinja"),
        DatasetCardData(**_header(released, repo, sizes)),
        manifest=released,
        guessed=are_guessed(released),
        release=released[RELEASE],
        full=released[RELEASE]["kind"] == FULL,
        title=TITLES[released["source"]],
        columns=schema_of(released).names,
        repo=repo,
        plot=PLOT,
        terms=licence_of(released).text,
        contact=contact or f"https://huggingface.co/datasets/{repo}/discussions",
        citation=CITATIONS[released["source"]],
    )


def _header(released: Mapping[str, Any], repo: str, sizes: Mapping[str, Size]) -> dict[str, Any]:
    release, source = released[RELEASE], released["source"]
    licence, total = licence_of(released), sum(released["counts"].values())
    names = [name for name in SPLITS if released["counts"][name]]
    folder = "data" if release["kind"] == FULL else INDEX
    header: dict[str, Any] = {
        "pretty_name": f"Face_Ref ({TITLES[source]})",
        "license": licence.id,
        "task_categories": ["image-to-image"],
        "size_categories": [next((text for end, text in _SIZES if total < end), "n>10M")],
        "source_datasets": ["original" if source == "sample" else "extended"],
        "tags": ["face-super-resolution", "reference-based", "biometrics", release["kind"]],
        "configs": [{"config_name": "default", "data_files": card.data_files(folder, names)}],
        "dataset_info": _info(released, {name: sizes[name] for name in names}),
    }
    if licence.name is not None:
        header |= {"license_name": licence.name, "license_link": licence.link}
    if source != "sample":
        header |= _gate(released, licence)
    return header


def _info(released: Mapping[str, Any], sizes: Mapping[str, Size]) -> dict[str, Any]:
    import datasets

    features = datasets.Features.from_arrow_schema(schema_of(released))
    return {
        "features": features._to_yaml_list(),
        "splits": [
            {"name": name, "num_bytes": size.bytes, "num_examples": size.rows}
            for name, size in sizes.items()
        ],
        "download_size": sum(size.on_disk for size in sizes.values()),
        "dataset_size": sum(size.bytes for size in sizes.values()),
    }


def _gate(released: Mapping[str, Any], licence: Licence) -> dict[str, Any]:
    return {
        "extra_gated_heading": "Faces of people: agree to the terms of use",
        "extra_gated_prompt": _GATE.format(terms=licence.text, source=TITLES[released["source"]]),
        "extra_gated_fields": {
            "Name": "text",
            "Affiliation": "text",
            "Country": "country",
            "What I use it for": "text",
            "I hold the licence of the source and keep to it": "checkbox",
            "I do not identify anybody with it": "checkbox",
            "I delete images that are removed from it": "checkbox",
        },
    }

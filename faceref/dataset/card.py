"""The data-set card of a Face_Ref, `README.md`; its header tells `datasets` where the rows are."""

from __future__ import annotations

from typing import Any

from faceref.dataset.store import SPLITS

_HEADER = """---
pretty_name: Face_Ref ({source})
{licence}
task_categories:
- image-to-image
tags:
- face-super-resolution
- reference-based
configs:
- config_name: default
  data_files:
{files}
---
"""
_BODY = """# Face_Ref from `{source}`

{total:,} aligned faces of {size}x{size} pixels. Each has {references} look-alike references: faces
of **other** people, all from the train split, in two lists, best first:

- `refs_hr`: nearest by identity embedding of the HR face, what mining can know;
- `refs_lr`: nearest by the 16x16 face alone, what a deployed system can know.

| split | faces | people |
| --- | ---: | ---: |
{splits}

{rejects}

{quality}

## How it was made

Embedder: `{embedder}`. {origin}{bound} No person is in two splits, no reference shows the
probe's person or comes from val or test; `face_ref.json` holds the certificate, every threshold and
the hashes of the models. Made by {made_by}, seed {seed}.

```python
from datasets import load_dataset

faces = load_dataset("PATH_OF_THIS_FOLDER")
print(faces["test"][0]["refs_hr"])
```

## Terms

Images: {terms}. {credits}Neighbours are what an embedder finds alike; they say nothing about
kinship and must not be used to identify anybody.
"""
_LICENCES = {"CC0-1.0": "license: cc0-1.0"}


def write(manifest: dict[str, Any]) -> str:
    """The card for a set with `manifest`."""
    names = [name for name in SPLITS if manifest["counts"][name]]
    files = "\n".join(f"  - split: {name}\n    path: data/{name}-*.parquet" for name in names)
    people = manifest["leak_certificate"]["identities"]
    splits = "\n".join(
        f"| {name} | {manifest['counts'][name]:,} | {people[name]:,} |" for name in SPLITS
    )
    licence = _LICENCES.get(manifest["licence"], "license: other")
    embedder = manifest["embedder"]
    body = _BODY.format(
        source=manifest["source"],
        total=sum(manifest["counts"].values()),
        size=manifest["image_size"],
        references=manifest["references"],
        splits=splits,
        rejects=rejects_table(manifest["rejects"]),
        quality=quality_table(manifest.get("quality", {})),
        embedder=" ".join(filter(None, (embedder["name"], embedder.get("pack")))),
        origin=origin_text(manifest.get("origin")),
        bound=bound_text(manifest["thresholds"]["max_similarity"]),
        made_by=manifest["made_by"],
        seed=manifest["seed"],
        terms=manifest["licence"],
        credits=_credits(manifest.get("origin")),
    )
    return _HEADER.format(source=manifest["source"], licence=licence, files=files) + body


def rejects_table(rejects: dict[str, int]) -> str:
    """Reasons and numbers of rejected images."""
    if not rejects:
        return "No image was rejected."
    lines = ["| rejected because | images |", "| --- | ---: |"]
    lines += [f"| {reason} | {count:,} |" for reason, count in rejects.items()]
    return "\n".join([*lines, "", "Each is listed, with details, in `rejects.parquet`."])


def quality_table(quality: dict[str, dict[str, float]]) -> str:
    """Quantiles of what was measured; empty where nothing was."""
    known = {name: values for name, values in sorted(quality.items()) if values}
    if not known:
        return ""
    shown = ("0.05", "0.5", "0.95")
    lines = ["| quality | 5 % | median | 95 % |", "| --- | ---: | ---: | ---: |"]
    for name, values in known.items():
        cells = " | ".join(f"{values[quantile]:.2f}" for quantile in shown)
        lines.append(f"| {name.replace('_', ' ')} | {cells} |")
    return "\n".join(lines)


def origin_text(origin: dict[str, Any] | None) -> str:
    """What must be said of the source: landmarks that it gave, labels or images that it lacks."""
    if origin is None:
        return ""
    text = ""
    if given := origin["landmarks"]["given"]:
        text += (
            f"The landmarks of {given:,} of {origin['images']:,} source images came with the "
            "source; there no detector was run, so detector score and number of faces are empty. "
        )
    if not origin["labelled"]:
        text += "The source does not say who is shown: people are groups of faces that are alike. "
    if origin["partial"]:
        text += "The source was **not complete** when it was read; `face_ref.json` has the counts. "
    return text


def _credits(origin: dict[str, Any] | None) -> str:
    if origin is None or not origin["credited"]:
        return ""
    return "`credits.parquet` names the author and the licence of each image. "


def bound_text(bound: dict[str, Any]) -> str:
    """Which neighbours are dropped as too alike, and how that was found."""
    if bound["value"] is None:
        return "No person has two images, so no bound on similarity could be calibrated."
    text = (
        f"Neighbours with a cosine above {bound['value']} are dropped as probably the same person"
    )
    if bound["quantile"] is None:
        return text + " (given)."
    return (
        text + f" (the {bound['quantile']:.0%} quantile of {bound['pairs']:,} same-person pairs)."
    )

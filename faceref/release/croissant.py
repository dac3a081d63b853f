"""Croissant metadata of a release (https://docs.mlcommons.org/croissant/docs/croissant-spec.html).

Files with their hashes, and the columns of one value each; nested columns are described by the
Parquet files themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceref.files import file_sha256
from faceref.reading.parquet import pyarrow_source
from faceref.release.card import licence_of
from faceref.release.citations import CITATIONS, TITLES
from faceref.release.format import FULL, INDEX, RELEASE
from faceref.release.policy import LICENCES

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification gives for version 1.0."""
_MEANINGS = {
    "image_id": "Name of the image, unique in the set.",
    "sha256": "SHA-256 of the source file.",
    "source": "Where the image is from.",
    "split": "train, val or test.",
    "identity": "Label of the person, or group of similar faces.",
    "component": "What no split may cut.",
    "component_seal": "Hash in place of the component, which is withheld.",
    "png_sha256": "SHA-256 of the aligned face as PNG.",
    "pixels_sha256": "SHA-256 of the RGB bytes of the aligned face.",
}


def write(released: Mapping[str, Any], repo: str, root: Path) -> str:
    """The content of `croissant.json` for the release in `root`."""
    release, licence = released[RELEASE], licence_of(released)
    folder = "data" if release["kind"] == FULL else INDEX
    paths = sorted((root / folder).glob("*.parquet"))
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": repo.rpartition("/")[2],
        "description": (
            f"Face_Ref from {TITLES[released['source']]}: aligned faces with look-alike references "
            f"of other people, for face super-resolution; {release['kind']}."
        ),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": licence.link or LICENCES[licence.id],
        "url": f"https://huggingface.co/datasets/{repo}",
        "version": release["version"].lstrip("v"),
        "citeAs": CITATIONS[released["source"]],
        "distribution": [_file(path, root) for path in paths],
        "recordSet": [_records(path, root) for path in paths],
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _file(path: Path, root: Path) -> dict[str, Any]:
    name = path.relative_to(root).as_posix()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentSize": f"{path.stat().st_size} B",
        "contentUrl": name,
        "encodingFormat": "application/x-parquet",
        "sha256": file_sha256(path),
    }


def _records(path: Path, root: Path) -> dict[str, Any]:
    """One file as records: those of a split lie in one or several files."""
    return {
        "@type": "cr:RecordSet",
        "@id": path.stem,
        "name": path.stem,
        "field": list(_fields(path, path.relative_to(root).as_posix())),
    }


def _fields(path: Path, file: str) -> Iterator[dict[str, Any]]:
    for column in pq.read_schema(pyarrow_source(path)):
        if pa.types.is_string(column.type):
            yield {
                "@type": "cr:Field",
                "@id": f"{path.stem}/{column.name}",
                "name": column.name,
                "description": _MEANINGS[column.name],
                "dataType": "sc:Text",
                "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
            }

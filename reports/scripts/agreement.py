"""How often references share sex and age group with their face, by what chose them.

    python reports/scripts/agreement.py SET ... [--out reports]

Each SET is a Face_Ref of the embedded sample: as it is built by default, and with
`--likeness-lr both` and `identity`. Its people are drawn by a generator that knows sex and age.
Means over the faces of each person go to `--out`/agreement.json, and `transfer_page.py` writes them
down. Needs the extra `synthetic`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.api.arguments import open_set
from faceref.dataset.agreement import shares_of_faces
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.revision import data_revision
from faceref.files import write_json
from reports.scripts.sample.attributes import OLDER, table

NAME = "agreement"
SPLITS = ("train", "test")


def _by_person(faces: FaceRef, attributes: Path, split: str) -> dict[str, Any]:
    """Of each attribute and kind of reference the mean share of each person's faces."""
    people = np.array(faces.column(split, "identity"))
    names = sorted(set(people.tolist()))
    found, _ = shares_of_faces(faces, attributes, split)
    shares = {
        attribute: {
            kind: [round(float(one[people == name].mean()), 4) for name in names]
            for kind, one in kinds.items()
        }
        for attribute, kinds in found.items()
    }
    return {"faces": len(people), "people": names, "shares": shares}


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        attributes = Path(folder) / "attributes.csv"
        attributes.write_text(table(), encoding="utf-8")
        for faces in map(open_set, given.sets):
            about = {"data_revision": data_revision(faces)}
            about |= {"likeness": faces.manifest["mining"]["likeness"]}
            splits = {split: _by_person(faces, attributes, split) for split in SPLITS}
            found.append({**about, "splits": splits})
    write_json(given.out / f"{NAME}.json", {"older_from_years": OLDER, "sets": found})


if __name__ == "__main__":
    main()

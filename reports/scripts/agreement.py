"""How often references share sex and age group with their face, by what chose them.

    python reports/scripts/agreement.py SET ... [--out reports]

Each SET is a Face_Ref of the embedded sample: as it is built by default, and with
`--likeness-lr both` and `identity`. Its people are drawn by a generator that knows sex and age.
Shares go to `--out`/agreement.json; `transfer_page.py` writes them down. Needs the extra
`synthetic`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmark.api.arguments import open_set
from faceref.dataset.revision import data_revision
from faceref.files import write_json
from reports.scripts.sample.attributes import OLDER, table

NAME = "agreement"
SPLITS = ("train", "test")


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
            shares = {split: faces.agreement(attributes, split) for split in SPLITS}
            found.append(
                {
                    "likeness": faces.manifest["mining"]["likeness"],
                    "data_revision": data_revision(faces),
                    "faces": {split: faces.count(split) for split in SPLITS},
                    "people": {
                        split: len(set(faces.column(split, "identity"))) for split in SPLITS
                    },
                    "shares": {
                        split: one.round(4).to_dict("index") for split, one in shares.items()
                    },
                }
            )
    write_json(given.out / f"{NAME}.json", {"older_from_years": OLDER, "sets": found})


if __name__ == "__main__":
    main()

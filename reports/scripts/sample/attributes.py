"""Who the people of the embedded sample are: sex and age group, as their generator drew them.

    python reports/scripts/sample/attributes.py OUT.csv

For `faceref inspect FACE_REF --attributes OUT.csv`. Needs the extra `synthetic`.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from faceref.files import write_text
from faceref.sources.sample import sample
from faceref.synthetic.generate import identity_name
from faceref.synthetic.identity import draw_person
from faceref.synthetic.portrait import Studio

SEED = 2026
"""Of the sample, see `faceref/sample/README.md`."""
OLDER = 40
"""Years from which a person is of the older group."""


def table() -> str:
    """CSV: `image_id`, `sex`, `age`, a row an image of the sample."""
    names = Studio().head.shape_names
    image_ids = [record.image_id for record in sample().records]
    people = sorted({image_id.partition("/")[0] for image_id in image_ids})
    words = {}
    for index in range(len(people)):
        person = draw_person(SEED, index, names)
        sex = "female" if person.build["female"] > 0.5 else "male"
        words[identity_name(index)] = sex, "older" if person.years >= OLDER else "younger"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image_id", "sex", "age"])
    writer.writerows([image_id, *words[image_id.partition("/")[0]]] for image_id in image_ids)
    return text.getvalue()


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    write_text(parser.parse_args().out, table())


if __name__ == "__main__":
    main()

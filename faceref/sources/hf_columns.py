"""Which columns of a Hugging Face data set hold the image and the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faceref.errors import FaceRefError, unknown_choice
from faceref.sources.base import Choices

IDENTITY_NAMES = (
    "identity",
    "identity_id",
    "person",
    "person_id",
    "subject",
    "subject_id",
    "celebrity",
    "celeb_id",
)
"""Columns that are taken for labels without being asked, in this order."""
NONE = "none"
NO_LABEL = ("", "nan", "NaN", "NaT", "None", "null", "NULL", "<NA>")
"""Texts that a missing value leaves where it was written as text."""


@dataclass(frozen=True)
class Columns:
    """Where image and label are."""

    image: str
    identity: str | None
    people: tuple[str, ...] | None
    """Names of the classes, where the label is a `ClassLabel`."""

    def person(self, value: Any) -> str | None:
        """The label as text, None where there is none: NaN, an empty text, a class below 0."""
        if value is None or (self.people is not None and value < 0):
            return None
        text = (str(value) if self.people is None else self.people[value]).strip()
        return None if text in NO_LABEL else text


def find_columns(features: Mapping[str, Any], choices: Choices) -> Columns:
    """The image and the identity column of `features`, as given or as found by type and name.

    An image column is one of images or, where there is none, of bytes.

    Raises FaceRefError where several image columns, or none, could be meant, where a `ClassLabel`
    could be the person or anything else, and where the labels are lists or the like.
    """
    import datasets

    images = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
    images = images or [name for name, kind in features.items() if _holds_files(kind)]
    image = choices.image_column or (images[0] if len(images) == 1 else None)
    if image is None:
        which = f"the image columns {', '.join(images)}" if images else "no image column"
        raise FaceRefError(
            f"{choices.root} has {which} among: {', '.join(features)}. Give --image-column NAME."
        )
    if image not in features:
        raise unknown_choice("--image-column", image, features)
    identity = _identity_column(features, choices)
    _refuse_no_label(identity, features, choices)
    people = getattr(features[identity], "names", None) if identity else None
    return Columns(image, identity, None if people is None else tuple(people))


def _holds_files(kind: Any) -> bool:
    """Whether a column holds bytes, as tables do that another program than `datasets` wrote."""
    kind = kind["bytes"] if isinstance(kind, Mapping) and "bytes" in kind else kind
    return getattr(kind, "dtype", None) in ("binary", "large_binary")


def _refuse_no_label(name: str | None, features: Mapping[str, Any], choices: Choices) -> None:
    """Raise FaceRefError where `name` is a column of lists, records, images or bytes."""
    import datasets

    kind = None if name is None else features[name]
    if kind is None or (
        isinstance(kind, (datasets.Value, datasets.ClassLabel)) and not _holds_files(kind)
    ):
        return
    raise FaceRefError(
        f"{choices.root}: the column {name!r} holds neither texts nor numbers, so it cannot say "
        f"who is shown. Give another with --identity-column ({', '.join(features)}, or none)."
    )


def _identity_column(features: Mapping[str, Any], choices: Choices) -> str | None:
    import datasets

    wanted = choices.identity_column
    if wanted is not None:
        if wanted not in (*features, NONE):
            raise unknown_choice("--identity-column", wanted, [*features, NONE])
        return None if wanted == NONE else wanted
    named = next((name for name in IDENTITY_NAMES if name in features), None)
    classes = [name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    if named is None and classes:
        raise FaceRefError(
            f"{choices.root} has class labels ({', '.join(classes)}) that may or may not say who "
            f"is shown. Give --identity-column {classes[0]}, or --identity-column none."
        )
    return named

"""What the manifest of a release may say where identities or embeddings are withheld.

Every key must be one that a build writes, so that nothing else travels with the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from faceref.release.policy import PolicyError
from faceref.sources.listing import (
    ENDING,
    HIDDEN,
    LINK,
    LOOSE,
    NAMED_OTHERWISE,
    SECOND,
    SHUT,
    SPECIAL,
    UNLISTED,
)

LONGEST = 240
"""Characters of a text; hashes and notes are shorter."""
LONGEST_LIST = 100
"""Entries of a list: fewer than an embedding has, more than epochs or notes."""
_QUANTILE = re.compile(r"0(\.\d+)?|1")
_FILE_NAME = re.compile(r"(?<![\d.])\d{6}(?!\d)")
"""A file name of CelebA: it could identify who is shown."""
_HASH = re.compile(r"[0-9a-f]{64}")
_KEYS = frozenset(
    """
    format made_by version source licence origin image_size embedder references mining
    people seed split_rule thresholds counts rejects similarity quality leak_certificate
    fingerprint lr_encoder chosen_by_likeness hydrated missing altered

    images labelled credited landmarks given to_detect partial revision inventory complete found
    expected notes

    name pack det_size det_threshold template models detection recognition landmarks file sha256
    upsample chip size padding precision

    diversity index likeness min_similarity random_similarity look_alike_above mean
    references_below kind recall recall_at lists visited

    schedule epochs most_samples batch_size learning_rate weight_decay ranking temperature averaging
    validations train_faces val_faces val_curve val_cosine_of_retrieved chosen_after sha256

    identities components giant_components component labels largest_label label_noise
    near_duplicate_pairs unlabelled_images bytes hash mirrored embedding mislabelled

    val test train by

    max_similarity min_eye_distance min_inside min_sharpness max_yaw min_score same_person method
    pairs quantile value false_match_rate same_person_recall unlike threshold

    refs_hr refs_lr detector_score eye_distance inside sharpness yaw pitch roll

    identities_shared_between_splits components_shared_between_splits
    source_files_shared_between_splits references_checked references_of_self
    references_of_same_identity references_of_same_component references_outside_train
    references_above_bound
    """.split()  # noqa: SIM905
) | {
    *("listed images", "text files", "too small", "cut off", "turned away", "no face"),
    *("unreadable", "blurred", "unsure", "one person, two labels", "unlike its label"),
    *("passed_over", HIDDEN, ENDING, NAMED_OTHERWISE, UNLISTED, SECOND, LOOSE, SHUT, LINK, SPECIAL),
    *("several faces", "wrong landmarks", "detector failed", "embedder failed"),
}


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Raise PolicyError for anything in `manifest` that no build writes, with its place."""
    for place, fault in _faults(manifest, "face_ref.json"):
        raise PolicyError(
            "known-manifest",
            f"{place} {fault}. Of this source only what a build writes may be published: take it "
            "out, or build the set again.",
        )


def _faults(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _KEYS and not _QUANTILE.fullmatch(key):
                yield f"{place}: {key!r}", "is no key of a manifest"
            yield from _faults(item, f"{place}: {key}")
    elif isinstance(value, list):
        if len(value) > LONGEST_LIST:
            yield place, f"is a list of {len(value):,}"
        for item in value:
            if isinstance(item, (float, int)) and not place.endswith(": val_curve"):
                yield place, "is a list of numbers"
            yield from _faults(item, place)
    elif isinstance(value, str) and len(value) > LONGEST:
        yield place, f"is a text of {len(value):,} characters"
    elif isinstance(value, str) and not _HASH.fullmatch(value) and _FILE_NAME.search(value):
        yield place, f"names a file: {value!r}"

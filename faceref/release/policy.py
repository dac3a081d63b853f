"""What may be published of a Face_Ref, by the source of its faces. This table decides, no option.

| source | pixels | identities | embeddings | licence |
| --- | --- | --- | --- | --- |
| celeba | no | no | no | CelebA agreement |
| ffhq | with every author's credit | groups found here | no | CC BY-NC-SA 4.0 |
| lfw, folder, hf | yes | yes | yes | must be stated |
| sample | yes | yes | yes | CC0 1.0 |

An index (file names, hashes, neighbour lists, scores) may always be published. `refs_same`, label
noise, near-duplicates and components say who is who, so they are identities; an LR encoder
is learnt from embeddings, so it is one of them. Landmarks that the source ships are left to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from faceref.errors import FaceRefError, unknown_choice
from faceref.release.format import FULL, KINDS

LICENCES = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "cc-by-nc-sa-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "cc-by-nd-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
    "cc-by-nc-nd-4.0": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
    "odbl": "https://opendatacommons.org/licenses/odbl/1-0/",
    "pddl": "https://opendatacommons.org/licenses/pddl/1-0/",
    "mit": "https://opensource.org/license/mit",
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
}
"""Licences that the Hub knows by this id, with their text; others need a name and a link."""


class PolicyError(FaceRefError):
    """Something that the licence of the faces forbids; the message begins with the rule's name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"Rule {rule}: {text}")
        self.rule = rule


@dataclass(frozen=True)
class Licence:
    """The terms of a release, as the Hub's cards state them."""

    id: str
    """One of `LICENCES`, or `other`."""
    name: str | None = None
    """Where the id is `other`: a short name, `a-z0-9.-`."""
    link: str | None = None
    """Where the id is `other`: the address of the text."""

    @property
    def text(self) -> str:
        """For people: the name and where it can be read."""
        return f"{self.name or self.id} ({self.link or LICENCES[self.id]})"


@dataclass(frozen=True)
class Policy:
    """What one source permits."""

    source: str
    pixels: bool
    identities: bool
    embeddings: bool
    landmarks: bool
    """Whether an index has them; False where everybody finds them in the source."""
    licence: Licence | None
    """None: whoever publishes must state it."""
    why: str
    """The clause behind it, for the message of a refusal."""
    credits: bool = False
    """Whether each published image needs its author's credit."""

    def withheld(self, kind: str) -> tuple[str, ...]:
        """What a release of this `kind` keeps back, in the words of `release.format`."""
        pixels = self.pixels and kind == FULL
        allowed = {
            "pixels": pixels,
            "identities": self.identities,
            "embeddings": self.embeddings,
            "landmarks": self.landmarks or pixels,
        }
        return tuple(name for name, granted in allowed.items() if not granted)

    def require(self, kind: str, licence: Licence | None) -> Licence:
        """The licence of a release of this `kind`; raises PolicyError where it may not be made."""
        if kind not in KINDS:
            raise unknown_choice("kind of release", kind, KINDS)
        if kind == FULL and not self.pixels:
            raise PolicyError(
                f"{self.source}-index-only",
                f"no pixels of {self.source} may be published, by no option. {self.why} "
                "Publish the index: whoever has the source rebuilds the set from it.",
            )
        if self.licence is None and licence is None:
            raise PolicyError(
                "licence-stated",
                f"the source {self.source!r} has no licence of its own that would allow "
                f"publication. {self.why} State it with --licence ID ({', '.join(LICENCES)}), or "
                "with --licence NAME --licence-link ADDRESS.",
            )
        if self.licence is not None and licence not in (None, self.licence):
            raise PolicyError(
                f"{self.source}-licence",
                f"the faces of {self.source} come under {self.licence.text}, which --licence "
                f"{licence.name or licence.id} cannot change. Leave it out.",
            )
        found = self.licence or licence
        assert found is not None
        return found


CELEBA_TERMS = Licence(
    "other", "celeba-agreement", "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)
_STATED = "Only whoever has the rights to the images can say what may be done with them."
POLICIES = {
    policy.source: policy
    for policy in (
        Policy(
            "celeba",
            pixels=False,
            identities=False,
            embeddings=False,
            landmarks=False,
            licence=CELEBA_TERMS,
            why="Its agreement forbids to copy, publish or distribute any portion of the images.",
        ),
        Policy(
            "ffhq",
            pixels=True,
            identities=True,
            embeddings=False,
            landmarks=False,
            licence=Licence("cc-by-nc-sa-4.0"),
            why="Its authors ask not to use it for face recognition.",
            credits=True,
        ),
        *(
            Policy(
                source,
                pixels=True,
                identities=True,
                embeddings=True,
                landmarks=True,
                licence=None,
                why=_STATED,
            )
            for source in ("lfw", "folder", "hf")
        ),
        Policy(
            "sample",
            pixels=True,
            identities=True,
            embeddings=True,
            landmarks=True,
            licence=Licence("cc0-1.0"),
            why="It is in the public domain.",
        ),
    )
}


def policy_of(source: str) -> Policy:
    """The policy of a source; raises PolicyError for one that has none."""
    if source not in POLICIES:
        raise PolicyError(
            "known-source",
            f"nobody has decided what may be published of the source {source!r}. "
            f"Known: {', '.join(sorted(POLICIES))}.",
        )
    return POLICIES[source]


def stated(licence: str | None, link: str | None) -> Licence | None:
    """The licence that options name; raises FaceRefError for one that the Hub would not take."""
    if licence is None:
        if link is not None:
            raise FaceRefError("--licence-link needs --licence NAME, the name of what it leads to.")
        return None
    if licence.lower() in LICENCES:
        return Licence(licence.lower())
    if link is None:
        raise FaceRefError(
            f"--licence {licence!r} is none of {', '.join(LICENCES)}. For another one give "
            "--licence-link ADDRESS, too, where its text can be read."
        )
    if not re.fullmatch(r"https://[^\s\"']+", link):
        raise FaceRefError(f"--licence-link {link!r} is no address that begins with https://.")
    name = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
    if not name:
        raise FaceRefError(f"--licence {licence!r} has no letter. Give the name of the licence.")
    return Licence("other", name, link)

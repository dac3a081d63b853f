"""The files of a source, with an account of what is passed over: nothing is left out in silence."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from faceref.sources.inventory import SHOWN, PassedOver, plain_text

HIDDEN = "hidden"
ENDING = "no image by its ending"
NAMED_OTHERWISE = "not named as this source names its images"
UNLISTED = "an image that no list of this source names"
SECOND = "a second file of one image"
LOOSE = "an image beside the folders of people"
SHUT = "a folder that may not be read"
LINK = "a link to a folder, or to nothing"
SPECIAL = "no file"


class Account:
    """Collects what is passed over, by reason."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, *names: str) -> None:
        """Note that `names` are passed over."""
        self._names[reason].extend(names)

    def passed_over(self) -> tuple[PassedOver, ...]:
        """The account, in the order of the reasons."""
        return tuple(
            PassedOver(reason, len(names), tuple(map(plain_text, sorted(names)[:SHOWN])))
            for reason, names in sorted(self._names.items())
            if names
        )


def files_below(root: Path, account: Account) -> Iterator[str]:
    """Names, relative to `root` and in no order, of the files in it and in its folders.

    Hidden ones and what is no file are passed over, as are folders that may not be read. Links to
    folders are followed in `root` itself, and not where they would lead back.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as found:
                entries = list(found)
        except OSError:
            account.add(SHUT, folder or root.name)
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            kind = HIDDEN if entry.name.startswith(".") else _kind(entry)
            if kind == LINK and not folder and _leads_elsewhere(entry, root):
                kind = _FOLDER
            if kind == _FOLDER:
                waiting.append(name)
            elif kind == _FILE:
                yield name
            else:
                account.add(kind, name)


_FOLDER, _FILE = "folder", "file"


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir():
            return LINK if entry.is_symlink() else _FOLDER
        if entry.is_file():
            return _FILE
        return LINK if entry.is_symlink() else SPECIAL
    except OSError:
        return LINK


def _leads_elsewhere(entry: os.DirEntry[str], root: Path) -> bool:
    target = os.path.realpath(entry.path)
    return os.path.isdir(target) and os.path.commonpath([target, os.path.realpath(root)]) != target


def unique_texts(names: Iterable[str]) -> dict[str, str]:
    """Text for each file name, see `plain_text`; a `~` keeps apart what would become the same."""
    names = sorted(names)
    texts: dict[str, str] = {name: name for name in names if plain_text(name) == name}
    taken = set(texts)
    for name in names:
        if name not in texts:
            text = plain_text(name)
            while text in taken:
                text += "~"
            texts[name] = text
            taken.add(text)
    return texts


def unique_stems(names: Sequence[str]) -> list[str]:
    """An id for each file name of one person: without its ending where that tells all apart."""
    texts = unique_texts(names)
    whole = [texts[name] for name in names]
    ids = [str(PurePosixPath(text).with_suffix("")) for text in whole]
    while clashing := {text for text, count in Counter(ids).items() if count > 1}:
        ids = [full if one in clashing else one for one, full in zip(ids, whole, strict=True)]
    return ids

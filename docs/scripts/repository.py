"""Files of the repository outside `docs/` that pages link to: they are part of the site, too.

So a link is written once, as the repository has it, and works in both places.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = "docs/"
FRONT = {"README.md": "index.md"}
"""What the site has in place of a page of the repository."""
LINK = re.compile(r"(?P<label>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"^(?P<fence>```+).*?^(?P=fence)|`[^`\n]*`", re.MULTILINE | re.DOTALL)
ITEM = re.compile(r"^ {2,3}(?=\S)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:|#|/")
"""Addresses that are no path in the repository."""


def in_site(path: str) -> str:
    """Place in the site of a path of the repository."""
    return FRONT.get(path, path.removeprefix(DOCS))


def resolved(page: str, target: str) -> str:
    """Path in the repository that a link on `page`, a place in the site, leads to."""
    source = DOCS + page if (ROOT / DOCS / page).exists() else page
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target.partition("#")[0]))


def file_at(path: str) -> str | None:
    """The file that a link to `path` shows: for a folder its README; None where there is none."""
    place = ROOT / path
    if place.is_dir():
        return f"{path}/README.md" if (place / "README.md").is_file() else None
    return path if place.is_file() else None


def linked(text: str, page: str) -> list[str]:
    """Files of the repository that a page links to; with a web page come its neighbours."""
    found: list[str] = []

    def note(label: str, target: str) -> str:
        file = file_at(resolved(page, target))
        found.extend(_with_neighbours(file) if file else ())
        return label

    _each_link(text, note)
    return found


def for_the_site(text: str, page: str) -> str:
    """`text` with its links as the site needs them; a folder that has no page is no link there."""

    def change(label: str, target: str) -> str:
        path = resolved(page, target)
        file = file_at(path)
        if file is None:
            return label[1:-1] if (ROOT / path).is_dir() else f"{label}({target})"
        place = posixpath.relpath(in_site(file), posixpath.dirname(page) or ".")
        return f"{label}({place}{''.join(target.partition('#')[1:])})"

    return _each_link(text, change)


def indented(text: str) -> str:
    """`text` with what belongs to an item of a list indented by four, as Python-Markdown wants it.

    The repository, as GitHub reads it, has two or three.
    """
    code = [match.span() for match in CODE.finditer(text)]
    return ITEM.sub(lambda match: match[0] if _inside(match, code) else "    ", text)


def _each_link(text: str, change: Callable[[str, str], str]) -> str:
    """`text` with each link to a path, outside code, replaced by `change(label, target)`."""
    code = [match.span() for match in CODE.finditer(text)]

    def one(match: re.Match[str]) -> str:
        if _inside(match, code) or ELSEWHERE.match(match["target"]):
            return match[0]
        return change(match["label"], match["target"])

    return LINK.sub(one, text)


def _inside(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(start <= match.start() and match.end() <= end for start, end in spans)


def _with_neighbours(file: str) -> list[str]:
    if not file.endswith(".html"):
        return [file]
    folder = (ROOT / file).parent
    return [path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()]

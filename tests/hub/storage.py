"""What the loopback Hub keeps: contents by hash, commits, refs, settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LFS_SUFFIXES = (".parquet", ".safetensors", ".png", ".npy")
EMPTY = hashlib.sha1(b"the first commit").hexdigest()


@dataclass(frozen=True)
class File:
    """One file of a revision."""

    sha256: str
    git: str
    size: int
    lfs: bool

    @property
    def oid(self) -> str:
        """The hash that the Hub compares by."""
        return self.sha256 if self.lfs else self.git


@dataclass
class Repo:
    """One data set."""

    private: bool
    gated: object = False
    commits: dict[str, dict[str, File]] = field(default_factory=lambda: {EMPTY: {}})
    refs: dict[str, str] = field(default_factory=lambda: {"main": EMPTY})
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> str | None:
        """The commit of a branch, a tag or a commit."""
        named = self.refs.get(revision) or self.tags.get(revision)
        return named or (revision if revision in self.commits else None)


class Storage:
    """Repositories, and a folder of contents that a client has sent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repos: dict[str, Repo] = {}

    def blob(self, sha256: str) -> Path:
        """Where the content with this hash lies, or would lie."""
        return self.root / sha256

    def put(self, data: bytes) -> File:
        """Keep a small content and describe it."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.blob(sha256).write_bytes(data)
        return File(sha256, git_hash(data), len(data), lfs=False)

    def commit(self, repo: Repo, parent: str, files: Mapping[str, File]) -> str:
        """A new revision of `main`."""
        listed = "".join(f"{name} {item.oid}\n" for name, item in sorted(files.items()))
        commit = hashlib.sha1(f"{parent}\n{listed}".encode()).hexdigest()
        repo.commits[commit] = dict(files)
        repo.refs["main"] = commit
        return commit


def git_hash(data: bytes) -> str:
    """The hash that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

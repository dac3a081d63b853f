"""Brings a release to the Hugging Face Hub: one commit, one tag, and then compared with the folder.

`upload_folder` of huggingface_hub commits a large folder in parts, so that a reader may see half of
it. Here the contents go up first, which nobody sees, and one commit makes them a revision. What
arrived before an interruption is not sent again: the Hub is asked by hash, and with `hf_xet` by
chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceref.errors import FaceRefError
from faceref.release.format import FULL, REMOVALS
from faceref.release.make import Release

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KEPT = (".gitattributes",)
"""Files of a repository that are the Hub's own."""
Local = Mapping[str, tuple[str, str]]
"""What `_hashes` gives for each file of a release, by its path."""


@dataclass(frozen=True)
class Published:
    """Where a release went."""

    url: str
    commit: str
    tag: str
    earlier: tuple[str, ...] = ()
    """Tags of earlier versions that still hold images which were removed since."""


def upload(
    release: Release,
    repo: str,
    *,
    public: bool = False,
    gated: bool = True,
    token: str | None = None,
) -> Published:
    """Make a release the content of a data set on the Hub, in one commit, and tag it.

    Files of an earlier version that the release has no more are deleted in the same commit; the tag
    of the earlier version keeps them. Called again after an interruption it goes on.

    Args:
        release: The folder, whose version is the tag.
        repo: `owner/name`. It is made where it does not exist; one that exists must be as asked.
        public: Whether everybody may see it; else it is private.
        gated: Whether access must be asked for: answered by hand for images, at once for an index.
        token: Of the Hub; None for the one that is logged in.

    Raises:
        FaceRefError: Then nothing is published, unless the message says so.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    local = {name: _hashes(path) for name, path in release.files().items()}
    with _hub_errors(repo):
        api.whoami()
        _open(api, repo, public)
        if gated:
            _close(api, repo, release.kind)
        _refuse_other_tag(api, repo, release, local)
        commit = _commit(api, repo, release, local)
        api.create_tag(
            repo, tag=release.version, revision=commit, repo_type="dataset", exist_ok=True
        )
        _compare(api, repo, release, local)
        earlier = _earlier(api, repo, release)
    url = f"{api.endpoint}/datasets/{repo}/tree/{release.version}"
    return Published(url, commit, release.version, earlier)


@contextmanager
def _hub_errors(repo: str) -> Iterator[None]:
    """Errors of the client, of which there are many kinds, as one line with the way out."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    try:
        yield
    except FaceRefError:
        raise
    except LocalTokenNotFoundError as error:
        raise FaceRefError("Nobody is logged in to the Hub: `hf auth login`.") from error
    except HFValidationError as error:
        raise FaceRefError(f"{repo!r} is no name of a repository: give OWNER/NAME.") from error
    except Exception as error:
        response = error.response if isinstance(error, HfHubHTTPError) else None
        status = getattr(response, "status_code", None)
        if status in (401, 403):
            raise FaceRefError(
                f"The Hub does not let this account write to {repo} ({status}). Log in with a "
                "token that may: `hf auth login`."
            ) from error
        raise FaceRefError(
            f"The upload to {repo} was interrupted ({type(error).__name__}: {_first_line(error)}). "
            "Give the same command again to go on: what has arrived is not sent again."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def _open(api: HfApi, repo: str, public: bool) -> None:
    """Make the repository, or make sure that it is as private as asked for."""
    api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
    private = api.repo_info(repo, repo_type="dataset").private
    if bool(private) == public:
        is_, flag = ("private", "without --public") if private else ("public", "with --public")
        raise FaceRefError(
            f"{repo} exists and is {is_}. Publish {flag}, or change the visibility in its settings "
            "on the Hub."
        )


def _close(api: HfApi, repo: str, kind: str) -> None:
    """Let access be asked for; where an earlier release had images, it stays answered by hand."""
    if kind == FULL:
        api.update_repo_settings(repo, gated="manual", repo_type="dataset")
    elif api.repo_info(repo, repo_type="dataset").gated != "manual":
        api.update_repo_settings(repo, gated="auto", repo_type="dataset")


def _refuse_other_tag(api: HfApi, repo: str, release: Release, local: Local) -> None:
    """Raise FaceRefError where the version is published already, with other content."""
    if release.version in _tags(api, repo) and _differences(
        _remote(api, repo, release.version), local
    ):
        raise FaceRefError(
            f"{repo} has a version {release.version} with other content, and a version never "
            "changes. Give another --tag."
        )


def _commit(api: HfApi, repo: str, release: Release, local: Local) -> str:
    """One commit with all files of the release and no other; the id of the revision."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    head = str(api.repo_info(repo, repo_type="dataset").sha)
    remote, files = _remote(api, repo, head), release.files()
    differing = _differences(remote, local)
    if not differing:
        return head
    operations: list[Any] = [
        CommitOperationAdd(name, files[name]) if name in files else CommitOperationDelete(name)
        for name in differing
    ]
    done = api.create_commit(
        repo,
        operations,
        commit_message=f"Face_Ref {release.version}",
        repo_type="dataset",
        parent_commit=head,
    )
    return done.oid


def _compare(api: HfApi, repo: str, release: Release, local: Local) -> None:
    """Raise FaceRefError unless the tagged revision is the release, file by file."""
    wrong = _differences(_remote(api, repo, release.version), local)
    if wrong:
        raise FaceRefError(
            f"{repo} at {release.version} was published and differs from {release.root} in "
            f"{', '.join(wrong)}: somebody else wrote to it. Publish again with another --tag."
        )


def _earlier(api: HfApi, repo: str, release: Release) -> tuple[str, ...]:
    """Other tags, where images were removed from the set."""
    if REMOVALS not in release.files():
        return ()
    return tuple(sorted(_tags(api, repo) - {release.version}))


def _tags(api: HfApi, repo: str) -> set[str]:
    return {item.name for item in api.list_repo_refs(repo, repo_type="dataset").tags}


def _remote(api: HfApi, repo: str, revision: str) -> dict[str, str]:
    """Hash of each file at a revision: SHA-256, or git's hash of small ones."""
    from huggingface_hub.hf_api import RepoFile

    tree = api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset")
    found = [item for item in tree if isinstance(item, RepoFile)]
    return {item.path: item.lfs.sha256 if item.lfs else item.blob_id for item in found}


def _differences(remote: Mapping[str, str], local: Local) -> list[str]:
    """Files that the Hub lacks, has otherwise, or has and should not."""
    changed = {name for name, hashes in local.items() if remote.get(name) not in hashes}
    return sorted(changed | (set(remote) - set(local) - set(KEPT)))


def _hashes(path: Path) -> tuple[str, str]:
    """SHA-256 of a file, and the hash that git gives it."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            git.update(block)
    return sha256.hexdigest(), git.hexdigest()

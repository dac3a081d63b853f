"""Publishing to a Hub: the real client, a loopback server, and failures on the way."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from faceref.cli.app import app
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.release.format import FULL, INDEX
from faceref.release.make import Release, Wish, make_release
from faceref.release.policy import Licence
from faceref.release.remove import remove
from faceref.release.upload import upload
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, write_people
from tests.hub.server import TOKEN, Fault, Hub

REPO = "me/set"
TERMS = Licence("cc-by-4.0")


@pytest.fixture(scope="session")
def face_ref(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    build(folder(write_people(root / "people")), PlainEmbedder(), root / "face_ref", recipe)
    return root / "face_ref"


@pytest.fixture(scope="session")
def full(face_ref: Path) -> Release:
    return make_release(face_ref, face_ref.with_name("full"), Wish(REPO, FULL, TERMS))


@pytest.fixture(scope="session")
def index(face_ref: Path) -> Release:
    return make_release(face_ref, face_ref.with_name("index"), Wish(REPO, INDEX, TERMS, "v2"))


def _bytes(release: Release) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in release.files().items()}


def test_a_release_arrives_whole_private_gated_and_tagged(hub: Hub, full: Release):
    published = upload(full, REPO)
    repo = hub.repo(REPO)
    assert (repo.private, repo.gated) == (True, "manual")
    assert repo.tags == {"v1": published.commit}
    assert hub.content(REPO, "v1") == _bytes(full)
    assert len(repo.commits) == 2
    assert set(hub.log.put.values()) == {1}


def test_an_index_alone_is_opened_at_once_to_who_asks(hub: Hub, index: Release):
    upload(index, REPO)
    assert hub.repo(REPO).gated == "auto"


def test_versions_that_still_hold_what_was_removed_are_named(
    hub: Hub, full: Release, face_ref: Path, tmp_path: Path
):
    assert upload(full, REPO).earlier == ()
    fewer = Path(shutil.copytree(face_ref, tmp_path / "set"))
    image_id = next(iter(FaceRef.open(fewer).column("train", "image_id")))
    remove(fewer, [image_id])
    given = ["publish", str(fewer), REPO, "--full", "--licence", "cc-by-4.0"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "Earlier versions still hold what was removed: v1." in words
    assert "hf repos tag delete me/set VERSION --type dataset" in words


def test_only_public_makes_it_public_and_nothing_changes_that_later(hub: Hub, full: Release):
    upload(full, REPO, public=True, gated=False)
    assert (hub.repo(REPO).private, hub.repo(REPO).gated) == (False, False)
    with pytest.raises(FaceRefError, match=r"exists and is public\. Publish with --public"):
        upload(full, REPO)
    upload(full, "me/other")
    with pytest.raises(FaceRefError, match=r"exists and is private\. Publish without --public"):
        upload(full, "me/other", public=True)
    assert hub.repo("me/other").private


def test_the_same_again_sends_and_commits_nothing(hub: Hub, full: Release):
    first = upload(full, REPO)
    hub.log.put.clear()
    assert upload(full, REPO) == first
    assert not hub.log.put
    assert len(hub.repo(REPO).commits) == 2


def test_a_new_version_leaves_the_old_one_and_takes_stale_files_away(
    hub: Hub, full: Release, index: Release
):
    upload(full, REPO)
    upload(index, REPO)
    assert hub.content(REPO, "v1") == _bytes(full)
    assert hub.content(REPO, "v2") == hub.content(REPO, "main") == _bytes(index)
    assert hub.repo(REPO).gated == "manual"  # v1 has images.


def test_a_version_never_changes(hub: Hub, full: Release, index: Release):
    upload(full, REPO)
    other = Release(index.root, index.kind, "v1", index.source, index.withheld)
    with pytest.raises(FaceRefError, match=r"a version never changes. Give another --tag"):
        upload(other, REPO)
    assert hub.content(REPO, "main") == _bytes(full)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 3, 5, 7, 9])
def test_an_upload_that_breaks_off_leaves_no_revision_and_goes_on(
    hub: Hub, full: Release, at: int, after: bool
):
    hub.break_at(Fault(at, body=0.5, after=after))
    with pytest.raises(FaceRefError, match="Give the same command again"):
        upload(full, REPO)
    assert hub.log.broken > 0
    assert all(not repo.tags for repo in hub.storage.repos.values())
    assert not any(files for repo in hub.storage.repos.values() for files in repo.commits.values())
    hub.break_at(None)
    upload(full, REPO)
    assert hub.content(REPO, "v1") == _bytes(full)
    assert set(hub.log.put.values()) == {1}


def test_without_a_token_the_way_to_log_in_is_given(
    hub: Hub, full: Release, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(FaceRefError, match="hf auth login"):
        upload(full, REPO)
    assert not hub.storage.repos


_CLIENT = """
import sys
from pathlib import Path
from faceref.release.make import Release
from faceref.release.upload import upload

upload(Release(Path(sys.argv[1]), "full", "v1"), sys.argv[2])
"""


def _environment(hub: Hub, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def _limit(hub: Hub) -> int:
    """Requests that an upload still has to send before its tag."""
    repo = hub.storage.repos.get(REPO)
    if repo is not None and len(repo.commits) > 1:
        return 3
    return 13 - len(hub.log.put)


def test_an_upload_that_is_killed_ten_times_ends_complete_and_sends_nothing_twice(
    hub: Hub, full: Release, tmp_path: Path
):
    rng = np.random.default_rng(7)
    command = [sys.executable, "-c", _CLIENT, str(full.root), REPO]
    client: list[subprocess.Popen] = []
    for _ in range(10):
        fault = Fault(
            int(rng.integers(1, _limit(hub) + 1)),
            body=float(rng.random()),
            after=bool(rng.integers(2)),
            act=lambda: client[-1].kill(),
        )
        hub.break_at(fault)
        client.append(subprocess.Popen(command, env=_environment(hub, tmp_path)))
        assert client[-1].wait(60) == -9
        if (repo := hub.storage.repos.get(REPO)) is not None:
            assert all(len(files) in (0, len(full.files())) for files in repo.commits.values())
    hub.break_at(None)
    assert subprocess.run(command, env=_environment(hub, tmp_path), check=False).returncode == 0
    assert hub.content(REPO, "v1") == _bytes(full)
    assert set(hub.log.put.values()) == {1}
    assert len(hub.repo(REPO).commits) == 2


_READER = """
import json, sys
from datasets import load_dataset

rows = load_dataset(sys.argv[1], revision=sys.argv[2])
seen = {name: [row["image_id"] for row in split] for name, split in rows.items()}
first = rows["test"][0]
size = first["image"].size if "image" in first else None
print(json.dumps([seen, first["refs_hr"], size]))
"""


def test_the_published_set_opens_with_datasets(
    hub: Hub, full: Release, index: Release, tmp_path: Path
):
    from faceref.dataset.face_ref import FaceRef
    from faceref.dataset.store import SPLITS

    upload(full, REPO)
    upload(index, REPO)
    face_ref = FaceRef.open(full.root)
    for version, size in (("v1", [128, 128]), ("v2", None)):
        result = subprocess.run(
            [sys.executable, "-c", _READER, REPO, version],
            env=_environment(hub, tmp_path / "home"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr[-2000:]
        seen, references, found = json.loads(result.stdout.splitlines()[-1])
        assert seen == {name: face_ref.column(name, "image_id") for name in SPLITS}
        assert references == face_ref.column("test", "refs_hr")[0]
        assert found == size


def test_the_command_publishes_and_says_where(hub: Hub, face_ref: Path, tmp_path: Path):
    root = shutil.copytree(face_ref, tmp_path / "faces")
    command = ["publish", str(root), REPO, "--licence", "cc-by-4.0", "--tag", "v9"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert f"Private: {hub.url}/datasets/{REPO}/tree/v9" in result.output
    up = tmp_path / "faces-release"
    assert hub.content(REPO, "v9") == {
        path.relative_to(up).as_posix(): path.read_bytes()
        for path in up.rglob("*")
        if path.is_file()
    }

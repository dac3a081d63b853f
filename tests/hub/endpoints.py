"""What the loopback Hub answers: one function an endpoint, and the table of routes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.hub.storage import EMPTY, LFS_SUFFIXES, File, Repo

if TYPE_CHECKING:
    from tests.hub.server import Handler, Hub

USER = "me"
Answer = tuple[int, Any, dict[str, str]]
_LOGIN: Answer = (401, {"error": "Invalid username or password."}, {"X-Error-Code": "RepoNotFound"})
_NO_REPO: Answer = (404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
_NO_REVISION: Answer = (404, {"error": "no revision"}, {"X-Error-Code": "RevisionNotFound"})
_NO_ENTRY: Answer = (404, {"error": "no entry"}, {"X-Error-Code": "EntryNotFound"})


def _whoami(hub: Hub, request: Handler, body: bytes) -> Answer:
    if not request.known:
        return 401, {"error": "Invalid username or password."}, {}
    return 200, {"type": "user", "name": USER, "orgs": [], "auth": {"type": "access_token"}}, {}


def _create(hub: Hub, request: Handler, body: bytes) -> Answer:
    if not request.known:
        return _LOGIN
    asked = json.loads(body)
    name = f"{asked.get('organization') or USER}/{asked['name']}"
    private = asked.get("visibility") == "private" or asked.get("private") is True
    there = name in hub.storage.repos
    if not there:
        hub.storage.repos[name] = Repo(private)
    answer = {"url": f"{hub.url}/datasets/{name}", "name": name}
    return (
        (409, {**answer, "error": "You already created this repo"}, {})
        if there
        else (200, answer, {})
    )


def _with_repo(act: Callable[..., Answer], *, write: bool) -> Callable[..., Answer]:
    def guarded(hub: Hub, request: Handler, body: bytes, name: str, *rest: str) -> Answer:
        repo = hub.storage.repos.get(name)
        if write and not request.known:
            return _LOGIN
        if repo is None or (repo.private and not request.known):
            return _NO_REPO if request.known else _LOGIN
        return act(hub, repo, body, name, *rest)

    return guarded


def _settings(hub: Hub, repo: Repo, body: bytes, name: str) -> Answer:
    asked = json.loads(body)
    repo.gated = asked.get("gated", repo.gated)
    if "visibility" in asked:
        repo.private = asked["visibility"] == "private"
    return 200, {}, {}


def _info(hub: Hub, repo: Repo, body: bytes, name: str, revision: str = "main") -> Answer:
    commit = repo.find(revision)
    if commit is None:
        return _NO_REVISION
    return (
        200,
        {
            "id": name,
            "sha": commit,
            "private": repo.private,
            "gated": repo.gated,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "lastModified": "2020-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": path} for path in sorted(repo.commits[commit])],
        },
        {},
    )


def _preupload(hub: Hub, repo: Repo, body: bytes, name: str, revision: str) -> Answer:
    now = repo.commits[repo.find(revision) or EMPTY]
    files = [
        {
            "path": item["path"],
            "uploadMode": "lfs" if item["path"].endswith(LFS_SUFFIXES) else "regular",
            "shouldIgnore": False,
            "oid": now[item["path"]].oid if item["path"] in now else None,
        }
        for item in json.loads(body)["files"]
    ]
    return 200, {"files": files}, {}


def _batch(hub: Hub, repo: Repo, body: bytes, name: str) -> Answer:
    objects = []
    for item in json.loads(body)["objects"]:
        answer = {"oid": item["oid"], "size": item["size"]}
        if not hub.storage.blob(item["oid"]).exists():
            answer["actions"] = {"upload": {"href": f"{hub.url}/lfs/{item['oid']}"}}
        objects.append(answer)
    return 200, {"transfer": "basic", "objects": objects}, {}


def _receive(hub: Hub, request: Handler, body: bytes, sha256: str) -> Answer:
    if hashlib.sha256(body).hexdigest() != sha256:
        return 400, {"error": "content and hash differ"}, {}
    hub.storage.blob(sha256).write_bytes(body)
    hub.log.put[sha256] += 1
    return 200, {}, {}


def _commit(hub: Hub, repo: Repo, body: bytes, name: str, revision: str) -> Answer:
    lines = [json.loads(line) for line in body.splitlines()]
    parent = repo.refs["main"]
    files = dict(repo.commits[parent])
    for item in lines:
        value = item["value"]
        if item["key"] == "header" and value.get("parentCommit", parent) != parent:
            return 412, {"error": "a commit has happened since"}, {}
        if item["key"] == "file":
            files[value["path"]] = hub.storage.put(base64.b64decode(value["content"]))
        elif item["key"] == "lfsFile":
            blob = hub.storage.blob(value["oid"])
            if not blob.exists():
                return 400, {"error": f"no content for {value['path']}"}, {}
            files[value["path"]] = File(value["oid"], "", blob.stat().st_size, lfs=True)
        elif item["key"] == "deletedFile":
            del files[value["path"]]
    commit = hub.storage.commit(repo, parent, files)
    return 200, {"commitUrl": f"{hub.url}/datasets/{name}/commit/{commit}", "commitOid": commit}, {}


def _tag(hub: Hub, repo: Repo, body: bytes, name: str, revision: str) -> Answer:
    tag, commit = json.loads(body)["tag"], repo.find(revision)
    if commit is None:
        return _NO_REVISION
    if tag in repo.tags:
        return 409, {"error": "the tag exists"}, {}
    repo.tags[tag] = commit
    return 200, {}, {}


def _refs(hub: Hub, repo: Repo, body: bytes, name: str) -> Answer:
    def listed(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
        return [
            {"name": key, "ref": f"refs/{kind}/{key}", "targetCommit": commit}
            for key, commit in refs.items()
        ]

    answer = {"branches": listed("heads", repo.refs), "tags": listed("tags", repo.tags)}
    return 200, {**answer, "converts": [], "pullRequests": []}, {}


def _tree(hub: Hub, repo: Repo, body: bytes, name: str, revision: str, under: str = "") -> Answer:
    commit = repo.find(revision)
    if commit is None:
        return _NO_REVISION
    files = repo.commits[commit]
    prefix = under.strip("/") + "/" if under.strip("/") else ""
    found = [_entry(path, file) for path, file in sorted(files.items()) if path.startswith(prefix)]
    folders = {parent for path in files for parent in _parents(path) if parent.startswith(prefix)}
    if prefix and not found:
        return _NO_ENTRY
    listed = [
        {"type": "directory", "path": path, "size": 0, "oid": "0"} for path in sorted(folders)
    ]
    return 200, [*listed, *found], {}


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: place + 1]) for place in range(len(parts))]


def _entry(path: str, file: File) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": file.size, "oid": file.oid}
    if file.lfs:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 130}
    return entry


def _paths_info(hub: Hub, repo: Repo, body: bytes, name: str, revision: str) -> Answer:
    commit = repo.find(revision)
    if commit is None:
        return _NO_REVISION
    files = repo.commits[commit]
    asked = json.loads(body)["paths"]
    found = [_entry(path, files[path]) for path in asked if path in files]
    folders = {parent for path in files for parent in _parents(path)}
    found += [
        {"type": "directory", "path": p, "size": 0, "oid": "0"} for p in asked if p in folders
    ]
    return 200, found, {}


def _resolve(hub: Hub, repo: Repo, body: bytes, name: str, revision: str, path: str) -> Answer:
    commit = repo.find(revision)
    if commit is None:
        return _NO_REVISION
    file = repo.commits[commit].get(path)
    if file is None:
        status, answer, headers = _NO_ENTRY
        return status, answer, {**headers, "X-Repo-Commit": commit}
    return (
        200,
        hub.storage.blob(file.sha256).read_bytes(),
        {"X-Repo-Commit": commit, "ETag": f'"{file.oid}"', "X-Linked-Size": str(file.size)},
    )


def _valid_yaml(hub: Hub, request: Handler, body: bytes) -> Answer:
    return 200, {"errors": [], "warnings": []}, {}


_NAME, _REVISION = r"([^/]+/[^/]+)", r"((?:refs/[^/]+/)?[^/]+)"
_API = f"/api/datasets/{_NAME}"
ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/api/whoami-v2", _whoami),
    ("POST", "/api/repos/create", _create),
    ("POST", "/api/validate-yaml", _valid_yaml),
    ("PUT", r"/lfs/([0-9a-f]{64})", _receive),
    ("PUT", f"{_API}/settings", _with_repo(_settings, write=True)),
    ("GET", _API, _with_repo(_info, write=False)),
    ("GET", f"{_API}/revision/{_REVISION}", _with_repo(_info, write=False)),
    ("POST", f"{_API}/preupload/{_REVISION}", _with_repo(_preupload, write=True)),
    ("POST", rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", _with_repo(_batch, write=True)),
    ("POST", f"{_API}/commit/{_REVISION}", _with_repo(_commit, write=True)),
    ("POST", f"{_API}/tag/{_REVISION}", _with_repo(_tag, write=True)),
    ("GET", f"{_API}/refs", _with_repo(_refs, write=False)),
    ("GET", f"{_API}/tree/{_REVISION}", _with_repo(_tree, write=False)),
    ("GET", f"{_API}/tree/{_REVISION}/(.*)", _with_repo(_tree, write=False)),
    ("POST", f"{_API}/paths-info/{_REVISION}", _with_repo(_paths_info, write=False)),
    ("GETHEAD", f"/datasets/{_NAME}/resolve/{_REVISION}/(.*)", _with_repo(_resolve, write=False)),
]

"""The endpoints of the Hub that huggingface_hub and datasets use, over plain HTTP and LFS.

Large files go by LFS: the client must run with HF_HUB_DISABLE_XET=1, for Xet is a protocol of its
own. A `Fault` breaks off a chosen request, before or in the middle of its body, or calls something
at that moment.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.hub.endpoints import ROUTES
from tests.hub.storage import Repo, Storage

TOKEN = "hf_loopback"


@dataclass
class Fault:
    """What happens at one request, counted from 1 over those that send something."""

    at: int
    body: float = 0.0
    """Share of the body that is still read."""
    after: bool = False
    """Whether the request is carried out and only its answer is lost."""
    act: Callable[[], None] | None = None
    """Called instead of answering 503 for ever, such as to kill the client."""


@dataclass
class Log:
    """What clients did."""

    requests: list[str] = field(default_factory=list)
    put: Counter[str] = field(default_factory=Counter)
    """How often each content arrived whole, by SHA-256."""
    broken: int = 0
    """Requests that a fault broke off."""


class Hub:
    """A Hub at `url`; a context manager."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.storage = Storage(root)
        self.log = Log()
        self.fault: Fault | None = None
        self.sent = 0
        self.lock = threading.RLock()
        handler = type("Bound", (Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def break_at(self, fault: Fault | None) -> None:
        """Break off one of the next requests; None heals the server."""
        with self.lock:
            self.fault, self.sent = fault, 0

    def repo(self, name: str) -> Repo:
        """A repository that must be there."""
        return self.storage.repos[name]

    def content(self, name: str, revision: str) -> dict[str, bytes]:
        """All files of a revision."""
        repo = self.repo(name)
        files = repo.commits[repo.find(revision) or ""]
        return {path: self.storage.blob(file.sha256).read_bytes() for path, file in files.items()}


class _Broken(Exception):
    """This connection is to be dropped without an answer."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request, lets it fail if it shall, and looks up who answers it."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_HEAD = do_GET

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        try:
            fault = self._fault_of_this()
            body = self._body(fault)
            with self.hub.lock:
                self.hub.log.requests.append(f"{self.command} {path}")
                for command, pattern, act in ROUTES:
                    match = re.fullmatch(pattern, path)
                    if self.command in command and match:
                        status, answer, headers = act(self.hub, self, body, *match.groups())
                        break
                else:
                    status, answer, headers = 404, {"error": f"no route {path}"}, {}
            if fault is not None:
                raise _Broken
        except _Broken:
            self.hub.log.broken += 1
            self.close_connection = True
            return
        self._send(status, answer, headers)

    def _fault_of_this(self) -> Fault | None:
        """The fault that strikes now. After one without `act` the server stays out of order."""
        with self.hub.lock:
            fault = self.hub.fault
            if fault is None or self.command not in ("POST", "PUT"):
                return None
            self.hub.sent += 1
            if self.hub.sent < fault.at:
                return None
            return fault if self.hub.sent == fault.at else Fault(0)

    def _body(self, fault: Fault | None) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b"".join(self._chunks())
        else:
            size = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(size if fault is None or fault.after else int(size * fault.body))
        if fault is None:
            return data
        if fault.act is not None:
            fault.act()
        if not fault.after:
            raise _Broken
        return data

    def _chunks(self):
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    @property
    def known(self) -> bool:
        """Whether the request carries the token."""
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

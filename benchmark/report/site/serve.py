"""A page served on this machine alone, for browsers that will not open files."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from faceref.errors import FaceRefError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""

    def end_headers(self) -> None:
        """Have the browser ask again, so that a page written anew is seen."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def open_server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of `folder` on localhost, not yet running; port 0 takes a free one.

    Raises FaceRefError where the folder holds no page or the port is taken.
    """
    if not (folder / "index.html").exists():
        raise FaceRefError(
            f"{folder} holds no index.html. Write the page first: facebench site RESULTS --out "
            f"{folder}"
        )
    try:
        handler = partial(_Quiet, directory=str(folder))
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        raise FaceRefError(
            f"Cannot listen on port {port}: {error}. Leave --port out to take a free one."
        ) from error


def address(server: ThreadingHTTPServer) -> str:
    """Where a browser finds the page."""
    return f"http://127.0.0.1:{server.server_address[1]}/"

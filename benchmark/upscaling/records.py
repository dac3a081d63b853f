"""What of a folder is done already, so that `facebench upscale` goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.upscaling.images import NOTICE
from benchmark.upscaling.jobs import REPORT, UNFINISHED, Job
from faceref.errors import FaceRefError
from faceref.files import file_sha256, write_text
from faceref.outputs.lock import LOCK

if TYPE_CHECKING:
    from typing import TypeGuard

Entry = dict[str, Any]
"""What the report says of one file: `input`, `sha256`, `output`, and `faces` or an `error`."""


class Records:
    """What was made of which input with which settings, in the folder of outputs.

    While the work goes on each file has a record of its own in `.unfinished`; at the end the report
    says it all, and they go.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        """`settings` are all that outputs depend on beside their input, fit for JSON."""
        self.out, self.settings = out, json.loads(json.dumps(settings))
        self._folder = out / UNFINISHED
        report = _read(out / REPORT)
        same = all(report.get(name) == value for name, value in self.settings.items())
        files = report.get("files") if same else None
        listed = files if isinstance(files, list) else []
        self._reported = {entry["output"]: entry for entry in listed if _is_made(entry)}
        # Weights that have no SHA-256 may be others today.
        self._known = '"weights_sha256": null' not in json.dumps(self.settings)

    def find(self, job: Job) -> Entry | None:
        """The entry of a file of which all outputs are there and whose input is as it was."""
        record = _read(self._path(job))
        unfinished = record.get("entry") if record.get("settings") == self.settings else None
        for entry in (unfinished, self._reported.get(_output(self.out, job))):
            if self._known and _is_entry(entry) and entry["sha256"] == input_sha256(job):
                written = [*entry.get("explained", ())]
                written += [entry["output"]] if _is_made(entry) else []
                if all((self.out / name).is_file() for name in written):
                    return entry
        return None

    def keep(self, job: Job, entry: Entry) -> None:
        """Say on disk that the outputs of `entry` are there."""
        text = json.dumps({"settings": self.settings, "entry": entry})
        write_text(self._path(job), text)

    def finish(self, content: Mapping[str, Any]) -> Path:
        """Write the report of all files and drop what was kept for the case of an interruption."""
        path = self.out / REPORT
        report = {"notice": NOTICE, **self.settings, **content}
        write_text(path, json.dumps(report, indent=2) + "\n")
        for record in self._folder.glob("*.json"):
            if re.fullmatch(r"[0-9a-f]{64}\.json", record.name):
                record.unlink()
        (self._folder / LOCK).unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()
        return path

    def _path(self, job: Job) -> Path:
        name = os.fsencode(_output(self.out, job))
        return self._folder / f"{hashlib.sha256(name).hexdigest()}.json"


def _output(out: Path, job: Job) -> str:
    return job.out.relative_to(out).as_posix()


def input_sha256(job: Job) -> str:
    """SHA-256 of an input; raises FaceRefError where it cannot be read."""
    try:
        return file_sha256(job.source)
    except OSError as error:
        raise FaceRefError(f"cannot be opened ({error.strerror or error})") from error


def _is_entry(found: Any) -> TypeGuard[Entry]:
    """Whether `found` is what `Records.keep` writes, as far as it is looked at."""
    if not isinstance(found, dict) or not all(
        isinstance(found.get(name), str) for name in ("input", "sha256")
    ):
        return False
    faces, sheets = found.get("faces", []), found.get("explained", [])
    return (
        isinstance(found.get("output" if "faces" in found else "error"), str)
        and ("faces" in found) != ("error" in found)
        and isinstance(faces, list)
        and all(isinstance(face, dict) for face in faces)
        and isinstance(sheets, list)
        and all(isinstance(name, str) for name in sheets)
    )


def _is_made(found: Any) -> TypeGuard[Entry]:
    return _is_entry(found) and "faces" in found


def _read(path: Path) -> dict[str, Any]:
    """A JSON object of ours; empty where there is none, or it is damaged: all is made again."""
    try:
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}
